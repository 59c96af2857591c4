"""Tests of `avae_jax.models.precision`."""

import functools

import jax
import jax.numpy as jnp
import pytest

from tests.support.small_networks import NAMES, model_of, outputs

pytestmark = pytest.mark.standard


@pytest.mark.full_cases("original")
@pytest.mark.parametrize("name", NAMES)
def test_in_bfloat16_nearly_the_same(name):
    """Bfloat16 computes nearly the same and leaves all else in float32."""
    full, params = model_of(name, (9, 6), 3)
    low, _ = model_of(name, (9, 6), 3, dtype="bfloat16")
    x = jax.random.uniform(jax.random.key(0), (9, 6, 3))
    exact, rough = (jax.jit(functools.partial(outputs, m))(params, x) for m in (full, low))
    for one, other in zip(exact, rough, strict=True):
        assert other.dtype == jnp.float32
        assert 0 < abs(one - other).max() < 0.05 * abs(one).max()
    slope = jax.jit(jax.grad(lambda p: low.decode(p, low.encode(p, x)[0]).sum()))(params)
    for leaf, weight in zip(jax.tree.leaves(slope), jax.tree.leaves(params), strict=True):
        assert leaf.dtype == weight.dtype == jnp.float32
