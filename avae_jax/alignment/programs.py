"""Compiled functions of a chunk: search of poses, losses, moved examples."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.config.options import SearchOptions
from avae_jax.core.even_map import even_map
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference import batch
from avae_jax.inference.ambiguity import DEGREES, runner_up_gap
from avae_jax.inference.calibration import Calibration, calibrated
from avae_jax.inference.problem import bounded
from avae_jax.inference.proposals.template_bank import TemplateBank
from avae_jax.inference.uncertainty import Uncertainty, uncertainty
from avae_jax.models.affine_model import AVAE
from avae_jax.models.observed import moved
from avae_jax.transform.frame import Frame
from avae_jax.transform.mixture import Mixture
from avae_jax.transform.warp import pull, warp

# Codes and poses drawn for the uncertainty of a pose.
SAMPLES = 128
# Pixels resampled at once: a resampler needs some twenty times their memory.
PIXELS = 2**21


class Found(NamedTuple):
    """Poses and objects found for B examples.

    Attributes:
      pose: `[B, d + 1, d + 1]`, carries the example to the canonical pose, in the model's frame.
      before, after: `[B]`, nll + KL in nats, unmoved and at `pose`.
      gap: `[B]`, nats to the next distinct optimum; +inf if there is none.
      nonfinite: `[B]`, starts and candidates whose loss was not finite.
      mu: `[B, Z]`, mean of the latent code.
      canonical: `[B, *S, C]`, the decoded object.
      stated: the posterior of the pose before calibration, where it was asked.
      known: how well the pose is known, in the model's frame, where a calibration was given.
    """

    pose: Array
    before: Array
    after: Array
    gap: Array
    nonfinite: Array
    mu: Array
    canonical: Array
    stated: Mixture | None = None
    known: Uncertainty | None = None


def find(
    params: Params,
    key: Key,
    x: Array,
    index: Array,
    bank: TemplateBank | None,
    *,
    avae: AVAE,
    search: SearchOptions,
    uncertain: bool = False,
    calibration: Calibration | None = None,
) -> Found:
    """Poses of observations `x: [B, *S, C]`; random numbers depend on key and `index: [B]` only.

    Args:
      uncertain: whether to find the posterior of the poses.
      calibration: of the uncertainty that it states, which is left out without one.
    """
    result = batch.search_batch(params, key, x, index, bank, avae=avae, search=search)
    views = batch.views(params, x, result.pose, avae=avae)
    still = batch.unmoved(x, avae=avae)
    stated = known = None
    if uncertain:
        sizes = {"samples": SAMPLES, "chunk": bounded(search, avae).chunk}
        _, stated = batch.posterior_batch(params, key, x, index, result, avae=avae, **sizes)
    if stated is not None and calibration is not None:
        known = jax.vmap(
            functools.partial(uncertainty, group=avae.group, anywhere=calibration.anywhere)
        )(calibrated(stated, calibration), result.pose)
    return Found(
        pose=result.pose,
        before=batch.losses(params, key, x, index, still, avae=avae),
        after=batch.losses(params, key, x, index, result.pose, avae=avae),
        gap=runner_up_gap(result, degrees=search.distance or DEGREES),
        nonfinite=result.nonfinite,
        mu=views.mu,
        canonical=views.canonical,
        stated=stated,
        known=known,
    )


def move(
    raw: Array,
    poses: Array,
    fill: Array,
    *,
    own: Frame,
    interpolation: str,
    masked: bool = False,
) -> Array:
    """Examples `raw: [B, *S, C]` moved by `poses: [B, d + 1, d + 1]` in the frame of the stack.

    Args:
      fill: `[C]` or `[B, C]`, the value outside.
      masked: examples may hold NaN, which moves with them (see `observed.moved`).
    """

    def one(example: tuple[Array, Array, Array]) -> Array:
        image, pose, fill = example

        def by_pose(image: Array, fill: Array) -> Array:
            return warp(image, pose, fill, source=own, target=own, interpolation=interpolation)

        return moved(image, fill, by_pose) if masked else by_pose(image, fill)

    fills = jnp.broadcast_to(fill, (len(raw), raw.shape[-1]))
    return even_map(one, (raw, poses, fills), most=max(1, PIXELS // math.prod(own.shape)))


def bring_back(
    drawn: Array, into: Array, fill: Array, *, source: Frame, own: Frame, interpolation: str
) -> Array:
    """Decoded objects `[B, *source.shape, C]` of the model's frame `source`, in the frame `own`.

    Args:
      into: `[d + 1, d + 1]`, carries coordinates of `own` to those of `source`.
    """

    def one(image: Array) -> Array:
        return pull(image, into, fill, source=source, target=own, interpolation=interpolation)

    return even_map(one, drawn, most=max(1, PIXELS // math.prod(own.shape)))
