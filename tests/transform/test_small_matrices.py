"""Factors of small matrices, beside those of NumPy."""

import jax
import numpy as np
import pytest

from avae_jax.transform.small_matrices import cholesky, solve_lower


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_factors_are_those_of_numpy(size):
    """Of random positive definite matrices, and of a vector each."""
    rng = np.random.default_rng(size)
    root = rng.normal(size=(5, size, size + 2))
    matrices = root @ root.transpose(0, 2, 1)
    vectors = rng.normal(size=(5, size))

    @jax.jit
    @jax.vmap
    def factor_and_solution(matrix, vector):
        lower = cholesky(matrix)
        return lower, solve_lower(lower, vector)

    lower, found = factor_and_solution(np.float32(matrices), np.float32(vectors))
    np.testing.assert_allclose(lower, np.linalg.cholesky(matrices), rtol=2e-3, atol=1e-4)
    assert not np.triu(np.asarray(lower), 1).any()
    product = np.einsum("nij,nj->ni", np.asarray(lower), np.asarray(found))
    np.testing.assert_allclose(product, vectors, atol=1e-4)
