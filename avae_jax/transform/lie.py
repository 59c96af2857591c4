"""Local coordinates of poses around another pose: the inverse of `retract`, and its volumes.

The measure on poses is the left Haar measure of the family: moving a set of poses by
`M -> M0 M` does not change its measure. Around any pose, `mu(M exp(sum_i alpha_i G_i)) = J(alpha)
d alpha` with J(0) = 1, so rotations count in radians, shifts in coordinates, scales by their
logarithm. It exists for families that are groups, whose generators close under commutators. All
named families are groups.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.core.types import Array
from avae_jax.transform.families import Family, basis, retract
from avae_jax.transform.matrices import inverse, matmul
from avae_jax.transform.small_matrices import cholesky

# A logarithm takes ROOTS square roots, each by NEWTON steps, then TERMS of a series.
ROOTS, NEWTON, TERMS = 3, 9, 5
# Terms of the series of J: exact to float32 within half a turn.
STRETCH_TERMS = 18
# Largest error of a logarithm: beyond it a pose counts as having none.
ASTRAY = 1e-2


def coordinates(group: Family, pose: Array, other: Array) -> Array:
    """`alpha [P]` with `retract(group, pose, alpha) = other`; infinite if there is none.

    The solution has the smallest rotation. Mirror images of each other have none, and poses that
    are exactly half a turn apart may have none.
    """
    apart = matmul(inverse(pose), other)
    generators = basis(group).reshape(group.size, -1)
    if group.size == 1 and group.has("rotation"):
        # The common case, at a fraction of the cost: twice the sine and cosine of the angle.
        sine = (jnp.asarray(generators, apart.dtype) * apart.reshape(1, -1)).sum(-1)
        cosine = jnp.trace(apart) - (group.d - 1)
        alpha = jnp.arctan2(sine, cosine[None])
    else:
        flat = np.linalg.pinv(generators).astype(np.float32)
        alpha = (jnp.asarray(flat, apart.dtype) * logarithm(apart).reshape(-1, 1)).sum(0)
    astray = jnp.abs(retract(group, pose, alpha) - other).max()
    return jnp.where(astray < ASTRAY, alpha, jnp.inf)


def logarithm(matrix: Array) -> Array:
    """Principal logarithm of an affine matrix `[d + 1, d + 1]`; not finite if it has none.

    Reference: N. Higham, Functions of matrices, chapters 6 and 11, 2008 (square roots after
    Denman and Beavers, then the series of the inverse hyperbolic tangent).
    """
    eye = jnp.eye(matrix.shape[-1], dtype=matrix.dtype)

    def halve(root: Array, _: None) -> tuple[Array, None]:
        def improve(pair: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
            y, z = pair
            return ((y + inverse(z)) / 2, (z + inverse(y)) / 2), None

        return jax.lax.scan(improve, (root, eye), None, length=NEWTON)[0][0], None

    root, _ = jax.lax.scan(halve, matrix, None, length=ROOTS)
    # The argument is (root - 1) / (root + 1); half the denominator is affine.
    ratio = matmul(root - eye, inverse((root + eye) / 2)) / 2
    square, power, total = matmul(ratio, ratio), ratio, ratio
    for k in range(1, TERMS):
        power = matmul(power, square)
        total = total + power / (2 * k + 1)
    return 2 ** (ROOTS + 1) * total


def log_stretch(group: Family, alpha: Array) -> Array:
    """`log J(alpha)`, `[]`: log density of the measure of poses with respect to `d alpha`."""
    constants = brackets(group)
    if not constants.any():
        return jnp.zeros((), alpha.dtype)
    ad = (alpha[:, None, None] * jnp.asarray(constants, alpha.dtype)).sum(0)
    eye = jnp.eye(group.size, dtype=alpha.dtype)
    # (1 - exp(-ad)) / ad, by Horner's rule.
    total = eye
    for k in range(STRETCH_TERMS, 1, -1):
        total = eye - jnp.matmul(ad, total, precision="highest") / k
    # The root of a square: a library call for the determinant takes longer than all the rest.
    square = jnp.matmul(total, total.mT, precision="highest")
    return jnp.log(jnp.diagonal(cholesky(square))).sum()


@functools.cache
def brackets(group: Family) -> np.ndarray:
    """Structure constants `[P, P, P]`: entry `i, k, j` is the coefficient of G_k in `[G_i, G_j]`.

    Raises:
      InputError: the generators do not close under commutators, or are linearly dependent.
    """
    generators = basis(group).astype(np.float64)
    flat = generators.reshape(group.size, -1)
    products = np.einsum("iab,jbc->ijac", generators, generators)
    commutators = (products - products.transpose(1, 0, 2, 3)).reshape(group.size, group.size, -1)
    constants = commutators @ np.linalg.pinv(flat)
    closed = np.abs(constants @ flat - commutators).max() < 1e-6
    scales = [name for name in group.generators if name.startswith("scale")]
    if not closed or ("scale" in scales and len(scales) > 1):
        raise InputError(
            f"family={group.name!r}: wanted one that is a group for a density of poses, such as "
            "rotation, translation, rigid, similarity or affine"
        )
    return constants.transpose(0, 2, 1).astype(np.float32)
