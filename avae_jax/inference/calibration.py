"""Pose posteriors that hold the truth as often as they say: widths and tails from known poses.

A posterior is as right as its model. Images drawn from the model, whose poses are known, tell
what the approximation lacks; held-out images turned by known poses tell what the model lacks too,
for example that it takes slant for rotation. Five numbers, the same for all examples, are chosen
by the mean log density of the known poses, a proper score: it is highest where the stated
distribution is the true one.

Reference: T. Gneiting and A. Raftery, Strictly proper scoring rules, 2007; S. Talts et al.,
Validating Bayesian inference algorithms with simulation-based calibration, 2018.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import optimize

from avae_jax.config.options import RangeOptions
from avae_jax.core.errors import InputError
from avae_jax.core.types import Array, Key
from avae_jax.models.affine_model import AVAE
from avae_jax.transform.families import Family
from avae_jax.transform.lie import coordinates, log_stretch
from avae_jax.transform.mixture import Mixture, log_density, transport_uniform, uniform_points
from avae_jax.transform.prior_density import log_prior, prior_pose
from avae_jax.transform.small_matrices import solve_lower

# Least and largest temperature, width, tail, reach and anywhere.
LIMITS = ((1.0, 20.0), (0.3, 20.0), (1e-3, 0.6), (1.2, 12.0), (1e-3, 0.5))
# Where the optimisation starts: a right model, and one that is wrong.
BEGINNINGS = ((1.05, 1.0, 0.05, 3.0, 0.01), (3.0, 1.5, 0.3, 4.0, 0.05))
# Smallest density, of poses that are out of range.
LEAST = 1e-30
# Examples are filled up to a multiple of it.
ROWS = 256
# Draws for the probability of a region.
DRAWS = 128


class Calibration(NamedTuple):
    """What is done to a pose posterior so that it holds the truth as often as it says.

    Attributes:
      temperature: log weights of the optima are divided by it.
      width: factor of every deviation.
      tail: share of each normal that is wider still.
      reach: factor by which it is wider.
      anywhere: probability that the search has missed the optimum, so that the pose may be any
        in range.

    >>> import avae_jax
    >>> avae_jax.Calibration(temperature=3.0, width=1.5, tail=0.5, reach=4.0).tail
    0.5
    """

    temperature: float = 1.0
    width: float = 1.0
    tail: float = 0.0
    reach: float = 1.0
    anywhere: float = 0.0


# About what digits drawn from their models ask for: normals are not quite what a posterior is
# (docs/decisions/0023-joint-posterior.md).
APPROXIMATE = Calibration(width=1.15, tail=0.08, reach=3.0, anywhere=0.01)


def calibrated(mixture: Mixture, calibration: Calibration) -> Mixture:
    """The mixture after a calibration, with a wide and a narrow normal for every component.

    Args:
      mixture: of any leading axes.
      calibration: of `fit_calibration`; `APPROXIMATE` holds as far as the model does. Its
        `anywhere` is left to `uncertainty` and `region_probabilities`.

    >>> import numpy as np, avae_jax
    >>> known = avae_jax.Mixture(np.eye(3)[None], np.full((1, 1, 1), 0.1), np.zeros(1))
    >>> wider = avae_jax.calibrated(known, avae_jax.Calibration(width=2.0, tail=0.1, reach=3.0))
    >>> [round(float(each), 3) for each in wider.spread.ravel()]
    [0.2, 0.6]
    """
    temperature, width, tail, reach, _ = calibration
    weights = jax.nn.log_softmax(mixture.log_weights / temperature, -1)
    shares = jnp.log1p(-tail), jnp.log(tail)
    return Mixture(
        jnp.concatenate([mixture.centres] * 2, -3),
        jnp.concatenate([width * mixture.spread, width * reach * mixture.spread], -3),
        jnp.concatenate([weights + share for share in shares], -1),
    )


def fit_calibration(mixture: Mixture, poses: np.ndarray, *, avae: AVAE) -> Calibration:
    """The calibration under which known poses have the highest mean log density.

    Args:
      mixture: of `pose_posterior`, with leading axis n; some hundred examples.
      poses: `[n, d + 1, d + 1]`, the true ones, that carry the examples to the canonical pose.

    Raises:
      InputError: the numbers of examples differ, or there are none.

    >>> import numpy as np, avae_jax
    >>> avae = avae_jax.pretrained("digits").trained.avae
    >>> still = np.tile(np.eye(3, dtype=np.float32), (9, 1, 1))
    >>> stated = avae_jax.Mixture(
    ...     still[:, None], np.full((9, 1, 1, 1), 0.1, np.float32), np.zeros((9, 1), np.float32))
    >>> turned = np.array([np.eye(3)] * 9)
    >>> turned[:, 0, 1], turned[:, 1, 0] = np.sin(0.3), -np.sin(0.3)
    >>> turned[:, 0, 0] = turned[:, 1, 1] = np.cos(0.3)
    >>> round(avae_jax.fit_calibration(stated, turned, avae=avae).width, 1) > 2
    True
    """
    if len(poses) != len(mixture.centres) or not len(poses):
        raise InputError(
            f"fit_calibration: poses of {len(poses)} examples and a posterior of "
            f"{len(mixture.centres)}, wanted the same number, at least one"
        )
    # Any number of examples takes the same program.
    rows = np.arange(-(-len(poses) // ROWS) * ROWS) % len(poses)
    given = jax.tree.map(lambda leaf: np.asarray(leaf, np.float32)[rows], (mixture, poses))
    found = _measured(*given, group=avae.group, ranges=avae.ranges)
    squares, sizes, priors = (np.asarray(part, np.float64)[: len(poses)] for part in found)
    heights = np.asarray(mixture.log_weights, np.float64)
    constants = sizes + avae.group.size * math.log(2 * math.pi) / 2

    def cost(logarithms: np.ndarray) -> float:
        how = Calibration(*np.exp(logarithms))
        near = _densities(squares, constants, heights, avae.group.size, how)
        found = (1 - how.anywhere) * near + how.anywhere * np.exp(priors)
        return -float(np.log(np.maximum(found, LEAST)).mean())

    limits = np.log(LIMITS)
    tried = [
        optimize.minimize(cost, np.log(begin), method="Nelder-Mead", bounds=limits)
        for begin in BEGINNINGS
    ]
    best = min(tried, key=lambda each: each.fun)
    return Calibration(*map(float, np.exp(best.x)))


def region_probabilities(
    keys: Key, mixture: Mixture, poses: Array, *, avae: AVAE, anywhere: Array | float = 0.0
) -> Array:
    """The probability `[n]` of the smallest region of each distribution that holds a pose.

    If the distributions are right about these poses, it is uniform: regions of 90 % hold nine
    poses of ten. It is the rank of the pose's density among DRAWS draws, with a random place
    within the rank and among equal ones, so that it is exactly uniform however few draws there are.

    Args:
      keys: `[n]`.
      mixture: leading axis n.
      poses: `[n, d + 1, d + 1]`.
      anywhere: share `[]` or `[n]` of the prior in each distribution, the rest is the mixture.
    """
    group, ranges = avae.group, avae.ranges

    def one(key: Key, mixture: Mixture, pose: Array, anywhere: Array) -> Array:
        def height(pose: Array) -> Array:
            near = jnp.log1p(-anywhere) + log_density(mixture, pose, group=group)
            return jnp.logaddexp(near, jnp.log(anywhere) + log_prior(group, ranges, pose))

        def drawn(which: Array, u: Array) -> Array:
            prior = prior_pose(group, ranges, u)
            pose = jnp.where(which < anywhere, prior, transport_uniform(mixture, u, group=group))
            return height(pose)

        which, draws, place = jax.random.split(key, 3)
        points = uniform_points(which, (DRAWS,)), uniform_points(draws, (DRAWS, group.size + 1))
        heights, mine = jax.vmap(drawn)(*points), height(pose)
        above = jnp.where(heights > mine, 1.0, 0.0).sum()
        # A prior is flat: most of its draws are as high as a pose that only it explains.
        level = jnp.where(heights == mine, 1.0, 0.0).sum()
        return (above + (1 + level) * uniform_points(place, ())) / (DRAWS + 1)

    shares = jnp.broadcast_to(jnp.asarray(anywhere, jnp.float32), len(poses))
    return jax.vmap(one)(keys, mixture, poses, shares)


@functools.partial(jax.jit, static_argnames=("group", "ranges"))
def _measured(
    mixture: Mixture, poses: Array, *, group: Family, ranges: RangeOptions
) -> tuple[Array, Array, Array]:
    """Distances and volumes of `_distances`, `[n, K]`, and the log prior `[n]`."""
    away = jax.vmap(functools.partial(_distances, group=group))(mixture, poses)
    return *away, jax.vmap(functools.partial(log_prior, group, ranges))(poses)


def _distances(mixture: Mixture, pose: Array, *, group: Family) -> tuple[Array, Array]:
    """Squared distances `[K]` in deviations from every centre, and the logarithm of its volume."""

    def one(centre: Array, spread: Array) -> tuple[Array, Array]:
        alpha = coordinates(group, centre, pose)
        known = jnp.isfinite(alpha).all()
        alpha = jnp.where(known, alpha, 0)
        scaled = solve_lower(spread, alpha)
        size = jnp.log(jnp.diagonal(spread)).sum() + log_stretch(group, alpha)
        return jnp.where(known, (scaled * scaled).sum(), jnp.inf), size

    return jax.vmap(one)(mixture.centres, mixture.spread)


def _densities(
    squares: np.ndarray, constants: np.ndarray, heights: np.ndarray, count: int, how: Calibration
) -> np.ndarray:
    """Densities `[n]` of poses after a calibration, as of `calibrated`.

    They may be 0: far from every centre, the share of the prior decides.

    Args:
      squares, constants: `[n, K]`, see `_distances`; minus the log density at every centre.
      heights: log weights `[n, K]`.
      count: P.
    """
    weights = heights / how.temperature
    weights = np.exp(weights - weights.max(1, keepdims=True))
    weights = weights / weights.sum(1, keepdims=True) * np.exp(-constants)
    parts = sum(
        share * np.exp(-squares / (2 * width**2)) / width**count
        for share, width in ((1 - how.tail, how.width), (how.tail, how.width * how.reach))
    )
    return (weights * parts).sum(1)
