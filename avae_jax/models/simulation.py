"""Observations drawn from a model: code and pose from their priors, pixels from the likelihood."""

import jax
import jax.numpy as jnp

from avae_jax.core.errors import InputError
from avae_jax.core.types import Array, Key, Params
from avae_jax.models.affine_model import AVAE
from avae_jax.models.likelihoods import LIKELIHOODS
from avae_jax.models.objective import crop_to_inner, render, to_observation
from avae_jax.transform.mixture import uniform_points
from avae_jax.transform.prior_density import prior_pose


def draw_observations(
    params: Params, keys: Key, *, avae: AVAE, latent: int
) -> tuple[Array, Array, Array]:
    """Observations as the model expects them, one a key.

    Args:
      keys: `[B]`.
      latent: Z.

    Returns:
      Observations `[B, *S, C]`, the codes `[B, Z]` of their objects, and the poses
      `[B, d + 1, d + 1]` that carry them to the canonical pose.

    Raises:
      InputError: the likelihood cannot be drawn from, or the family is not a group.
    """
    draw = LIKELIHOODS[avae.likelihood].draw
    if draw is None:
        raise InputError(
            f"likelihood={avae.likelihood!r}: it has no draw, wanted one of "
            f"{', '.join(name for name, each in LIKELIHOODS.items() if each.draw)}"
        )
    log_sigma = avae.model.log_sigma(params) if LIKELIHOODS[avae.likelihood].scale else None

    def one(key: Key) -> tuple[Array, Array, Array]:
        key_code, key_pose, key_pixels = jax.random.split(key, 3)
        z = jax.random.normal(key_code, (latent,), jnp.float32)
        u = uniform_points(key_pose, (avae.group.size + 1,))
        pose = prior_pose(avae.group, avae.ranges, u)
        mean = to_observation(render(params, z, avae=avae), pose, avae=avae)
        return draw(key_pixels, crop_to_inner(mean, avae=avae), log_sigma), z, pose

    return jax.vmap(one)(keys)
