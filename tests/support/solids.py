"""Solids that several files look at, made once."""

import functools

from avae_jax.data.sources.solids import make_solids


@functools.cache
def thirty_of_each_class():
    """300 solids of side 16, which no test changes."""
    return make_solids(300, side=16, seed=0)
