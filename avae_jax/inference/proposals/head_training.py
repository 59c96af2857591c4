"""Training of the pose head on the results of the search.

The head gets a pooled observation in standard position, and adds a logit to each
rotation of the bank. The logits are zero at first, so the bank decides alone. The objective
ranks all proposals, so a poor head only costs starts.
"""

import functools
import math
from typing import Any

import flax.struct
import jax
import optax

from avae_jax.config.options import SearchOptions
from avae_jax.core import collectives
from avae_jax.core.collectives import Axes
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.proposals.template_bank import TemplateBank, init_head, score_templates
from avae_jax.models.affine_model import AVAE

LEARNING_RATE = 1e-3


class Head(flax.struct.PyTreeNode):
    """A pose head and its optimiser; part of the training state."""

    params: Params
    opt_state: Any


def init(key: Key, *, avae: AVAE, options: SearchOptions) -> Head | None:
    """A head with zero logits; `None` if proposals are not learned."""
    if not options.learned:
        return None
    params = init_head(key, avae=avae, turns=options.turns)
    return Head(params, optimiser().init(params))


def spacing(avae: AVAE, turns: int) -> float:
    """Angle in radians between neighbours among `turns` even rotations of a family."""
    planes = sum(name.startswith("rotation") for name in avae.group.generators)
    limit = math.radians(avae.ranges.rotation)
    # With mirror images, half of the set are rotations.
    count = turns / 2 if avae.ranges.reflect else turns
    if planes == 3:
        # SO(3) has volume 8 pi^2 if angles of rotation are lengths; this is the part in range.
        return (8 * math.pi * (limit - math.sin(limit)) / count) ** (1 / 3)
    return 2 * limit / count


def targets(poses: Array, found: Array, *, width: float) -> Array:
    """Weights `[A]`, summing to 1, of poses near the found pose.

    Args:
      poses: `[A, d + 1, d + 1]`.
      found: `[d + 1, d + 1]`.
      width: standard deviation in radians.
    """
    # The matrices of two rotations differ by sqrt(2) times the angle between them, if it is small.
    squared = ((poses - found[None]) ** 2).sum((-2, -1)) / 2
    return jax.nn.softmax(-squared / (2 * width**2))


def loss(params: Params, bank: TemplateBank, x: Array, found: Array, *, avae: AVAE) -> Array:
    """Cross-entropy `[]` of the proposals of bank and head for `x` against the found pose."""
    ranking = score_templates(bank._replace(head=params), x, avae=avae)
    shares = targets(ranking.poses, found, width=spacing(avae, len(ranking.poses)))
    return -(shares * jax.nn.log_softmax(ranking.logits)).sum()


def update(
    head: Head, bank: TemplateBank, x: Array, found: Array, *, avae: AVAE, axes: Axes | None = None
) -> tuple[Head, Array]:
    """One update by a batch of search results.

    Args:
      x: `[B, *S, C]`.
      found: `[B, d + 1, d + 1]`.
      axes: mesh axes of the devices that share the batch.

    Returns:
      The head, and the mean cross-entropy before the update.
    """

    def mean_loss(params: Params) -> Array:
        one = functools.partial(loss, params, bank, avae=avae)
        return jax.vmap(one)(x, found).mean()

    value, gradient = collectives.mean(jax.value_and_grad(mean_loss)(head.params), axes)
    updates, opt_state = optimiser().update(gradient, head.opt_state, head.params)
    return Head(optax.apply_updates(head.params, updates), opt_state), value


def optimiser() -> optax.GradientTransformation:
    """Adam at a constant rate, because the found poses change with the model."""
    return optax.adam(LEARNING_RATE)
