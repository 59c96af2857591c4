"""Tests of `avae_jax.core.collectives` on one device; several share in integration/test_devices."""

import functools

import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from avae_jax.core import collectives, sharding

ROWS = np.arange(12, dtype=np.float32).reshape(4, 3)


def on_a_mesh(function):
    """`function(rows, axes)` within a mesh of the device there is."""
    mapped = jax.shard_map(
        functools.partial(function, axes=collectives.AXES),
        mesh=sharding.mesh(),
        in_specs=PartitionSpec(collectives.DATA),
        out_specs=PartitionSpec(),
        check_vma=False,
    )
    return jax.jit(mapped)(ROWS)


@pytest.mark.parametrize("name", ["mean", "total", "joined"])
def test_collectives_of_one_part_return_it(name):
    function = getattr(collectives, name)
    np.testing.assert_array_equal(function(ROWS, None), ROWS)
    np.testing.assert_array_equal(on_a_mesh(function), ROWS)


def test_divided_works_all_candidates_without_others():
    def work(candidates):
        return jax.tree.map(lambda leaf: 2 * leaf, candidates)

    candidates = {"pose": np.arange(6, dtype=np.float32).reshape(2, 3)}
    for axes in (None, collectives.AXES):
        mapped = jax.shard_map(
            functools.partial(collectives.divided, work, axes=axes),
            mesh=sharding.mesh(),
            in_specs=PartitionSpec(),
            out_specs=PartitionSpec(),
            check_vma=False,
        )
        found = jax.jit(mapped)(candidates)
        np.testing.assert_array_equal(found["pose"], 2 * candidates["pose"])
