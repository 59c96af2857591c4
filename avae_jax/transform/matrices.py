"""Small matrices: products, exponentials, inverses and factors of poses.

All sums are written out elementwise. The matrices have 3 or 4 rows, so a library call
per matrix costs more than the arithmetic, and a matmul would run in reduced precision
on TPUs.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array

EXP_SQUARINGS = 4
EXP_TERMS = 9


def matmul(a: Array, b: Array) -> Array:
    """Product of the last two axes, `[..., n, n]`, at the full precision of the inputs."""
    return (a[..., :, :, None] * b[..., None, :, :]).sum(-2)


def exponential(a: Array) -> Array:
    """Matrix exponential of `[..., n, n]`, by scaling, Taylor series and squaring.

    Exact to float32 for norms up to about 2 pi, more than any step of the search.
    """
    a = a / 2**EXP_SQUARINGS
    eye = jnp.broadcast_to(jnp.eye(a.shape[-1], dtype=a.dtype), a.shape)
    total = eye
    for k in range(EXP_TERMS, 0, -1):
        total = eye + matmul(a, total) / k
    for _ in range(EXP_SQUARINGS):
        total = matmul(total, total)
    return total


def inverse(pose: Array) -> Array:
    """Inverse of affine matrices `[..., d + 1, d + 1]`, d = 2 or 3, in closed form.

    >>> import jax.numpy as jnp, avae_jax
    >>> avae_jax.inverse(jnp.diag(jnp.array([2.0, 4.0, 1.0]))).diagonal().tolist()
    [0.5, 0.25, 1.0]
    """
    linear, shift = pose[..., :-1, :-1], pose[..., :-1, -1]
    adjugate = _adjugate_2(linear) if linear.shape[-1] == 2 else _adjugate_3(linear)
    determinant = (linear[..., 0, :] * adjugate[..., :, 0]).sum(-1)
    inverted = adjugate / determinant[..., None, None]
    return affine(inverted, -(inverted * shift[..., None, :]).sum(-1))


def _adjugate_2(a: Array) -> Array:
    rows = [a[..., 1, 1], -a[..., 0, 1], -a[..., 1, 0], a[..., 0, 0]]
    return jnp.stack(rows, -1).reshape(a.shape)


def _adjugate_3(a: Array) -> Array:
    columns = [jnp.cross(a[..., (i + 1) % 3, :], a[..., (i + 2) % 3, :]) for i in range(3)]
    return jnp.stack(columns, -1)


def affine(linear: Array, shift: Array) -> Array:
    """Homogeneous matrices `[..., d + 1, d + 1]` from `[..., d, d]` and `[..., d]`."""
    d = linear.shape[-1]
    top = jnp.concatenate([linear, shift[..., None]], -1)
    last = jnp.broadcast_to(jnp.eye(d + 1, dtype=top.dtype)[d:], (*top.shape[:-2], 1, d + 1))
    return jnp.concatenate([top, last], -2)


def identity(d: int) -> Array:
    """The pose that moves nothing, `[d + 1, d + 1]`."""
    return jnp.eye(d + 1, dtype=jnp.float32)


class Factors(NamedTuple):
    """Factors of a pose: shift . rotation . shear . scale (scale acts first).

    Attributes:
      shift: `[..., d]` in coordinates (2 = the longest side).
      rotation: `[..., d, d]`, orthogonal with determinant 1.
      shear: `[..., d (d - 1) / 2]`, the entries above the diagonal, row by row.
      scale: `[..., d]`; the last one is negative for a mirror image.

    >>> import jax.numpy as jnp, avae_jax
    >>> factors = avae_jax.factorise(jnp.diag(jnp.array([2.0, 2.0, 1.0])))
    >>> factors.scale.tolist(), factors.shift.tolist()
    ([2.0, 2.0], [0.0, 0.0])
    """

    shift: Array
    rotation: Array
    shear: Array
    scale: Array


def compose(factors: Factors) -> Array:
    """The pose matrix `[..., d + 1, d + 1]` of its factors.

    >>> import jax.numpy as jnp, avae_jax
    >>> moved = avae_jax.Factors(jnp.array([0.5, 0.0]), jnp.eye(2), jnp.zeros(1), jnp.ones(2))
    >>> avae_jax.compose(moved)[:2, 2].tolist()
    [0.5, 0.0]
    """
    d = factors.scale.shape[-1]
    rows, columns = np.triu_indices(d, 1)
    eye = jnp.broadcast_to(jnp.eye(d, dtype=factors.scale.dtype), factors.rotation.shape)
    shear = eye.at[..., rows, columns].set(factors.shear)
    linear = matmul(factors.rotation, shear * factors.scale[..., None, :])
    return affine(linear, factors.shift)


def factorise(pose: Array) -> Factors:
    """Factors of `[..., d + 1, d + 1]`: the inverse of `compose`, by Gram-Schmidt.

    >>> import jax.numpy as jnp, avae_jax
    >>> avae_jax.factorise(jnp.diag(jnp.array([2.0, 2.0, 1.0]))).scale.tolist()
    [2.0, 2.0]
    """
    linear, shift = pose[..., :-1, :-1], pose[..., :-1, -1]
    d = linear.shape[-1]
    axes: list[Array] = []
    lengths: list[Array] = []
    shear: dict[tuple[int, int], Array] = {}
    for j in range(d):
        column = linear[..., :, j]
        for i, axis in enumerate(axes):
            shear[i, j] = (axis * column).sum(-1)
            column = column - shear[i, j][..., None] * axis
        lengths.append(jnp.sqrt((column * column).sum(-1)))
        axes.append(column / lengths[-1][..., None])
    rotation, scale = jnp.stack(axes, -1), jnp.stack(lengths, -1)
    sign = jnp.ones_like(scale).at[..., -1].set(jnp.sign(determinant(rotation)))
    rotation, scale = rotation * sign[..., None, :], scale * sign
    entries = [shear[i, j] / scale[..., j] for i in range(d) for j in range(i + 1, d)]
    return Factors(shift, rotation, jnp.stack(entries, -1), scale)


def determinant(linear: Array) -> Array:
    """Determinant of `[..., d, d]`, d = 2 or 3."""
    if linear.shape[-1] == 2:
        return linear[..., 0, 0] * linear[..., 1, 1] - linear[..., 0, 1] * linear[..., 1, 0]
    return (linear[..., 0, :] * jnp.cross(linear[..., 1, :], linear[..., 2, :])).sum(-1)


def plane_rotation(angle: Array, axes: tuple[int, ...], d: int) -> Array:
    """Rotation `[..., d, d]` by `angle` radians from axis i towards axis j, `axes = (i, j)`.

    A quarter turn equals `np.rot90(x, 1, axes=(i, j))`.
    """
    i, j = axes
    eye = jnp.broadcast_to(jnp.eye(d, dtype=angle.dtype), (*angle.shape, d, d))
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    turned = eye.at[..., i, i].set(cos).at[..., j, j].set(cos)
    return turned.at[..., i, j].set(-sin).at[..., j, i].set(sin)


def rotation_angle(rotation: Array) -> Array:
    """Angle in radians, in [0, pi], of rotations `[..., d, d]`.

    From the chord |R - 1|, which keeps its precision at small angles, unlike the trace.
    """
    d = rotation.shape[-1]
    eye = jnp.broadcast_to(jnp.eye(d, dtype=rotation.dtype), rotation.shape)
    chord = jnp.sqrt(((rotation - eye) ** 2).sum((-2, -1)))
    return 2 * jnp.arcsin(jnp.clip(chord / (2 * math.sqrt(2)), 0, 1))
