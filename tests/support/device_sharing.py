"""Searches by devices that share every example, beside those of one; run as a program.

    python -m tests.support.device_sharing 3

Prints as JSON by how much, by method, any result differs if so many devices share an example.
"""

import functools
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec

from avae_jax.config.options import SearchOptions
from avae_jax.core import collectives, sharding
from avae_jax.inference.search import resolve, search
from avae_jax.transform import family
from tests.support.analytic_problems import METHODS, settled

STARTS = 32
# Of some examples a few starts only, and of one fewer than there are devices.
CHOSEN = jnp.arange(STARTS)[None] < jnp.array([2, 32, 5, 9, 3, 1])[:, None]


def difference(method: str, sharers: int) -> float:
    """The largest one between what one device finds and what several do."""
    problem, data, begun, given = settled(method)
    chosen = CHOSEN if method == "gauss_newton" else None
    options = resolve(SearchOptions(starts=STARTS, **given), family("rotation", 2))
    share = functools.partial(collectives.divided, axes=collectives.AXES)

    def call(task, data, begun, chosen):
        return search(task, data, begun, options=options, chosen=chosen)

    parts = jax.shard_map(
        functools.partial(call, problem._replace(share=share)),
        mesh=sharding.mesh(sharers),
        in_specs=PartitionSpec(collectives.DATA),
        out_specs=PartitionSpec(collectives.DATA),
        check_vma=False,
    )
    calls = functools.partial(call, problem), parts
    alone, together = (jax.device_get(jax.jit(one)(data, begun, chosen)) for one in calls)
    gaps = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), alone, together)
    return max(gaps)


if __name__ == "__main__":
    jax.config.update("jax_numpy_rank_promotion", "raise")
    print(json.dumps({method: difference(method, int(sys.argv[1])) for method in METHODS}))
