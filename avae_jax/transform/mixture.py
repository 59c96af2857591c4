"""Distributions of poses: mixtures of normals in the local coordinates of their centres.

Densities are with respect to the measure of `transform.lie`. The normal of a centre
is over `alpha` in `retract(group, centre, alpha)`.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, Key, Shape
from avae_jax.transform.families import Family, retract
from avae_jax.transform.lie import coordinates, log_stretch
from avae_jax.transform.small_matrices import solve_lower

# Number of poses drawn for the density that bounds a region.
LEVEL_DRAWS = 512


class Mixture(NamedTuple):
    """A distribution of the pose of one example.

    Attributes:
      centres: `[K, d + 1, d + 1]`.
      spread: `[K, P, P]`, lower triangles with `covariance = spread spread^T` in local
        coordinates: radians, coordinates of the frame, shear, logarithm of scale.
      log_weights: `[K]`, whose exponentials sum to 1; `-inf` for an unused component.

    >>> import numpy as np, avae_jax
    >>> spread = np.full((1, 1, 1), 0.1)  # radians
    >>> avae_jax.Mixture(np.eye(3)[None], spread, np.zeros(1)).spread.shape
    (1, 1, 1)
    """

    centres: Array
    spread: Array
    log_weights: Array

    @property
    def covariance(self) -> Array:
        """The covariance of each component, `[K, P, P]`."""
        return jnp.matmul(self.spread, self.spread.mT, precision="highest")


def transport_uniform(mixture: Mixture, u: Array, *, group: Family) -> Array:
    """The pose at a point of the unit cube; uniform points give poses `[d + 1, d + 1]`.

    Args:
      u: `[P + 1]` in (0, 1), see `uniform_points`; the last one chooses the component.
    """
    upto = jnp.cumsum(jnp.exp(mixture.log_weights))
    # Relative to the last sum, so that a component without weight is never chosen.
    which = (upto[:-1] <= u[-1] * upto[-1]).sum()
    noise = jax.scipy.special.ndtri(u[:-1])
    alpha = (mixture.spread[which] * noise[None]).sum(-1)
    return retract(group, mixture.centres[which], alpha)


def log_density(mixture: Mixture, pose: Array, *, group: Family) -> Array:
    """The log density `[]` of a mixture at a pose `[d + 1, d + 1]`.

    Raises:
      InputError: the family is not a group.
    """
    parts = jax.vmap(lambda centre, spread: _log_normal(group, centre, spread, pose))
    return jax.nn.logsumexp(mixture.log_weights + parts(mixture.centres, mixture.spread))


def uniform_points(key: Key, shape: Shape) -> Array:
    """Uniform points of the unit cube, `shape`, never on its faces."""
    return jax.random.uniform(key, shape, jnp.float32, 1e-7, 1 - 1e-7)


def hpd_level(key: Key, mixture: Mixture, *, group: Family, probability: float) -> Array:
    """The log density `[]` above which a mixture holds `probability`.

    The region of highest density contains the poses whose `log_density` is at least this level;
    it is the smallest region of this probability. The level is a quantile of LEVEL_DRAWS draws.
    """

    def one(u: Array) -> Array:
        return log_density(mixture, transport_uniform(mixture, u, group=group), group=group)

    densities = jax.vmap(one)(uniform_points(key, (LEVEL_DRAWS, group.size + 1)))
    return jnp.quantile(densities, 1 - probability)


def _log_normal(group: Family, centre: Array, spread: Array, pose: Array) -> Array:
    """Log density `[]` of one component; `-inf` if the pose has no coordinates."""
    alpha = coordinates(group, centre, pose)
    known = jnp.isfinite(alpha).all()
    alpha = jnp.where(known, alpha, 0)
    scaled = solve_lower(spread, alpha)
    size = jnp.log(jnp.diagonal(spread)).sum() + group.size * math.log(2 * math.pi) / 2
    density = -(scaled * scaled).sum() / 2 - size - log_stretch(group, alpha)
    return jnp.where(known, density, -jnp.inf)
