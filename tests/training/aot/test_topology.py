"""Tests of `avae_jax.training.aot.topology`."""

import pytest

from avae_jax.core.errors import InputError
from avae_jax.training.aot.topology import topology


@pytest.mark.parametrize("name", ["", "v5e", "v5e:", "v5e:0x4", "v3:4x4", "cuda:2x", "v5e:4*4"])
def test_topology_unknown_refused(name):
    """A topology that nobody knows is refused."""
    with pytest.raises(InputError, match=r"--topology .*: wanted one of v5e, v5p, v6e with sides"):
        topology(name)
