"""A linear-Gaussian affine VAE, whose likelihood at a pose is known in closed form."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import SearchOptions
from avae_jax.core.types import Array, Key
from avae_jax.inference.curvature_posterior import curvature_posterior
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.search import SearchResult, resolve
from avae_jax.models import wrap
from avae_jax.models.affine_model import AVAE, affine_vae
from avae_jax.models.objective import render, to_observation
from avae_jax.transform import family, frame
from avae_jax.transform.frame import coordinates
from avae_jax.transform.matrices import affine, plane_rotation
from avae_jax.transform.mixture import Mixture

SIDES, Z, SIGMA = (9, 9), 2, 0.3
# Wider than the true posterior by this much in the logarithm of the variance: weights vary.
TOO_WIDE = 0.8


@functools.cache
def weights() -> dict[str, np.ndarray]:
    """A mean image without symmetry and Z orthogonal directions, smooth, inside the support."""
    points = coordinates(frame(SIDES))
    places = np.float32([[0.45, 0.1], [-0.2, 0.5], [-0.1, -0.45]])
    bumps = np.exp(-((points[:, :, None] - places) ** 2).sum(-1) / (2 * 0.16**2))
    bumps = bumps.reshape(-1, 3).astype(np.float32)
    return {"mean": bumps @ np.float32([1.6, 1.0, 0.6]), "directions": 1.2 * bumps[:, :Z]}


def encode(params: dict, x: Array) -> tuple[Array, Array]:
    """The posterior of an upright observation, but for correlations and TOO_WIDE."""
    directions = params["directions"]
    precision = np.eye(Z, dtype=np.float32) + directions.T @ directions / SIGMA**2
    mu = jnp.linalg.solve(precision, directions.T @ (x.reshape(-1) - params["mean"]) / SIGMA**2)
    return mu, TOO_WIDE - jnp.log(jnp.diagonal(precision))


def decode(params: dict, z: Array) -> Array:
    return (params["mean"] + params["directions"] @ z).reshape(*SIDES, 1)


@functools.cache
def avae_of(name: str = "rotation") -> AVAE:
    model, group = wrap(encode, decode, sigma=SIGMA), family(name, len(SIDES))
    return affine_vae(model, frame(SIDES), np.zeros(1), group=group, likelihood="gaussian")


def turns(angles: list[float]) -> Array:
    """Rotations `[n, 3, 3]` by angles in radians."""
    return affine(plane_rotation(jnp.float32(angles), (0, 1), 2), jnp.zeros((len(angles), 2)))


def kept(poses: Array) -> SearchResult:
    """A search that kept `poses: [B, K, 3, 3]`; all else is not looked at."""
    losses = jnp.zeros(poses.shape[:2])
    return SearchResult(poses[:, 0], losses[:, 0], poses, losses, *[losses[:, 0]] * 3)


def observations(poses: Array, *, avae: AVAE) -> Array:
    """Observations `[B, *S, 1]` of the model, one at each of `poses: [B, ...]`."""
    keys = jax.random.split(jax.random.key(1), len(poses))
    return jax.jit(jax.vmap(functools.partial(_simulate, avae=avae)))(keys, poses)


@functools.cache
def all_rotations(count: int) -> Array:
    """Rotations `[count, 3, 3]` in even steps."""
    angles = jnp.asarray(2 * np.pi * np.arange(count) / count, jnp.float32)
    return affine(plane_rotation(angles, (0, 1), 2), jnp.zeros((count, 2)))


def posterior_of(x: Array, *, avae: AVAE) -> Mixture:
    """The posterior of the poses of observations `[B, *S, 1]`, after a search."""
    options = resolve(SearchOptions(kind="even", starts=16, keep=4, distance=20.0), avae.group)
    keys = jax.random.split(jax.random.key(3), len(x))
    found = jax.jit(functools.partial(find_poses, avae=avae, options=options))(weights(), keys, x)
    pose = functools.partial(curvature_posterior, avae=avae, codes=2, chunk=256)
    return jax.jit(pose)(weights(), jax.random.key(4), x, found)


def _simulate(key: Key, pose: Array, *, avae: AVAE) -> Array:
    key_z, key_noise = jax.random.split(key)
    params = jax.tree.map(jnp.asarray, weights())
    mean = to_observation(
        render(params, jax.random.normal(key_z, (Z,)), avae=avae), pose, avae=avae
    )
    return mean + SIGMA * jax.random.normal(key_noise, mean.shape)


def log_likelihoods(x: Array, poses: Array, *, avae: AVAE) -> np.ndarray:
    """log p(x | pose), z integrated out, `[B, G]`, of `x: [B, *S, 1]` at `poses: [G, ...]`."""
    params = jax.tree.map(jnp.asarray, weights())
    corners = jnp.concatenate([jnp.zeros((1, Z)), jnp.eye(Z)])

    def images(pose: Array) -> Array:
        return jax.vmap(lambda z: to_observation(render(params, z, avae=avae), pose, avae=avae))(
            corners
        )

    drawn = np.asarray(jax.jit(jax.vmap(images))(poses), np.float64).reshape(len(poses), Z + 1, -1)
    mean, linear = drawn[:, 0], drawn[:, 1:] - drawn[:, :1]
    away = np.asarray(x, np.float64).reshape(len(x), 1, -1) - mean
    precision = np.eye(Z) + linear @ linear.transpose(0, 2, 1) / SIGMA**2
    hidden = np.einsum("gzp,bgp->bgz", linear, away) / SIGMA**2
    solved = np.einsum("gyz,bgz->bgy", np.linalg.inv(precision), hidden)
    fit = (away**2).sum(-1) / SIGMA**2 - (hidden * solved).sum(-1)
    constant = np.linalg.slogdet(precision)[1] + away.shape[-1] * np.log(2 * np.pi * SIGMA**2)
    return -(fit + constant) / 2
