"""Factors of matrices with a few rows, written out entry by entry.

Poses have at most a dozen parameters. A library call for each of thousands of such matrices costs
more than the arithmetic, and calls of several kinds side by side can block the threads of a CPU.
"""

import jax.numpy as jnp

from avae_jax.core.types import Array


def cholesky(matrix: Array) -> Array:
    """The lower triangle `[P, P]` whose square is a positive definite `matrix: [P, P]`."""
    size = len(matrix)
    rows: list[list[Array]] = []
    for i in range(size):
        row: list[Array] = []
        for j in range(i + 1):
            other = rows[j] if j < i else row
            left = matrix[i, j] - sum(row[k] * other[k] for k in range(j))
            row.append(jnp.sqrt(left) if j == i else left / other[j])
        rows.append(row)
    zero = jnp.zeros((), matrix.dtype)
    return jnp.stack([jnp.stack(row + [zero] * (size - len(row))) for row in rows])


def solve_lower(lower: Array, vector: Array) -> Array:
    """`x: [P]` with `lower x = vector`, for a lower triangle `[P, P]` and `vector: [P]`."""
    found: list[Array] = []
    for i in range(len(vector)):
        left = vector[i] - sum(lower[i, k] * found[k] for k in range(i))
        found.append(left / lower[i, i])
    return jnp.stack(found)
