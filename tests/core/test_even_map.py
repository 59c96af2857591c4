"""Tests of `avae_jax.core.even_map`."""

import jax
import numpy as np
import pytest

from avae_jax.core.even_map import even_map


@pytest.mark.parametrize("most", [1, 2, 3, 4, 6, 7, 8, 100])
def test_every_row_once_in_its_place(most):
    """However many fit at once, for several arrays in and out."""
    rows = np.arange(7, dtype=np.float32), np.arange(14, dtype=np.int32).reshape(7, 2)

    def one(row):
        return {"twice": 2 * row[0], "sum": row[1].sum()}

    made = jax.jit(lambda rows: even_map(one, rows, most=most))(rows)
    np.testing.assert_array_equal(made["twice"], 2 * np.arange(7))
    np.testing.assert_array_equal(made["sum"], np.arange(14).reshape(7, 2).sum(1))


@pytest.mark.parametrize("most, size", [(3, 3), (4, 4), (6, 4), (7, 7)])
def test_one_program_of_parts_that_hold_as_much(most, size):
    """Seven rows: three threes, two fours, and all at once."""
    seen = []

    @jax.custom_batching.custom_vmap
    def one(row):
        return row

    @one.def_vmap
    def batched(count, _, rows):
        seen.append(count)
        return rows, True

    jax.make_jaxpr(lambda rows: even_map(one, rows, most=most))(np.arange(7, dtype=np.float32))
    assert seen == [size]
