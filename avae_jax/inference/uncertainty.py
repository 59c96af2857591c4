"""What a pose posterior says in numbers: deviations in degrees and length, and other optima."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array
from avae_jax.inference.ambiguity import DEGREES
from avae_jax.inference.search.select import near
from avae_jax.transform.families import Family
from avae_jax.transform.lie import coordinates
from avae_jax.transform.mixture import Mixture, transport_uniform

# Draws for the probability that a pose is apart.
DRAWS = 256


class Uncertainty(NamedTuple):
    """How well the pose of an example is known, each `[]` or `[n]`.

    Attributes:
      degrees: standard deviation of the rotation about the stated pose, the root of the mean
        squared angle; 0 for families without rotation.
      shift: standard deviation of the shift along an axis, in coordinates of the frame; 0 for
        families without shifts.
      elsewhere: probability that the true pose is apart from the stated one. The deviations are
        those of the optima that are not, or of the nearest one if all are.

    >>> import avae_jax
    >>> avae_jax.Uncertainty(degrees=4.0, shift=0.01, elsewhere=0.2).degrees
    4.0
    """

    degrees: Array
    shift: Array
    elsewhere: Array


def uncertainty(
    mixture: Mixture,
    pose: Array,
    *,
    group: Family,
    degrees: float = DEGREES,
    anywhere: Array | float = 0.0,
) -> Uncertainty:
    """The uncertainty of the pose `[d + 1, d + 1]` of one example.

    Args:
      mixture: its posterior.
      degrees: poses are apart if their matrices differ by more than two rotations that are this
        far apart.
      anywhere: probability that the pose is none of the mixture (see `Calibration`).

    >>> import numpy as np, avae_jax
    >>> still, group = np.eye(3, dtype=np.float32), avae_jax.family("rotation", 2)
    >>> known = avae_jax.Mixture(
    ...     still[None], np.full((1, 1, 1), 0.1, np.float32), np.zeros(1, np.float32))
    >>> round(float(avae_jax.uncertainty(known, still, group=group).degrees), 1)
    5.7
    """
    mixture = jax.tree.map(jnp.asarray, mixture)
    drawn = jax.vmap(functools.partial(transport_uniform, mixture, group=group))(_even(group.size))
    apart = jnp.where(is_near(drawn, pose, degrees=degrees), 0.0, 1.0).mean()
    apart = anywhere + (1 - anywhere) * apart
    weights = jnp.exp(mixture.log_weights)
    mine = is_near(mixture.centres, pose, degrees=degrees)
    alpha = jax.vmap(lambda centre: coordinates(group, pose, centre))(mixture.centres)
    placed = jnp.isfinite(alpha).all(-1)
    # Where the posterior has left the stated pose, its nearest optimum says how far.
    distances = ((mixture.centres - pose[None]) ** 2).sum((-1, -2))
    distances = jnp.where(placed & (weights > 0), distances, jnp.inf)
    mine = placed & (mine | (~mine.any() & (distances == distances.min())))
    alpha = jnp.where(mine[:, None], alpha, 0)
    squares = (mixture.spread**2).sum(-1) + alpha**2
    weights = jnp.where(mine, weights, 0)
    here = weights.sum()
    share = weights / jnp.maximum(here, jnp.finfo(here.dtype).tiny)
    variances = (share[:, None] * squares).sum(0)

    turns, shifts = (
        np.array([name.startswith(kind) for name in group.generators], np.float32)
        for kind in ("rotation", "shift")
    )
    return Uncertainty(
        jnp.degrees(jnp.sqrt((variances * turns).sum())),
        jnp.sqrt((variances * shifts).sum() / max(shifts.sum(), 1)),
        apart,
    )


def _even(size: int) -> Array:
    """Points of the unit cube `[DRAWS, size + 1]`; each component gets its share of them."""
    random = np.random.default_rng(0).uniform(1e-6, 1 - 1e-6, (DRAWS, size))
    steps = (np.arange(DRAWS)[:, None] + 0.5) / DRAWS
    return jnp.asarray(np.concatenate([random, steps], axis=1), jnp.float32)


@functools.partial(jax.jit, static_argnames="group")
def _known(mixture: Mixture, poses: Array, anywhere: Array, *, group: Family) -> Uncertainty:
    def one(mixture: Mixture, pose: Array, anywhere: Array) -> Uncertainty:
        return uncertainty(mixture, pose, group=group, anywhere=anywhere)

    return jax.vmap(one)(mixture, poses, anywhere)


def known_poses(
    mixture: Mixture, poses: np.ndarray, group: Family, *, anywhere: np.ndarray | float = 0.0
) -> Uncertainty:
    """The uncertainty of poses `[n, d + 1, d + 1]` as numpy arrays; mixtures of leading axis n.

    Args:
      anywhere: `[]` or `[n]`, as for `uncertainty`.
    """
    shares = np.broadcast_to(np.float32(anywhere), len(poses))
    return jax.tree.map(np.asarray, _known(mixture, poses, shares, group=group))


def is_near(poses: Array, pose: Array, *, degrees: float = DEGREES) -> Array:
    """Whether poses `[n, d + 1, d + 1]` are in one optimum with `pose`, bool `[n]`."""
    return near(poses, pose[None], degrees=degrees)[:, 0]
