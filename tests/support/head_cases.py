"""A bank of one object and a pose head beside it."""

import functools

import jax
import jax.numpy as jnp

from avae_jax.config.options import SearchOptions
from avae_jax.inference.proposals import head_training, template_bank
from avae_jax.inference.proposals.template_bank import TemplateBank
from avae_jax.inference.search import resolve
from avae_jax.models.affine_model import AVAE
from avae_jax.models.augmentation import pose_batch
from avae_jax.transform import inverse
from tests.support.single_object import blobs, drawing

TURNS, SHAPE = 12, (12, 12)
OPTIONS = SearchOptions(
    starts=3, keep=1, steps=1, polish=1, prototypes=2, turns=TURNS, learned=True, doubt=0.0
)


@functools.cache
def scene() -> tuple[AVAE, dict, TemplateBank, head_training.Head]:
    """A model of one object, its bank and a head that has learned nothing yet."""
    avae, params = drawing(blobs(SHAPE), "rotation")
    build = jax.jit(functools.partial(template_bank.build_templates, avae=avae, turns=TURNS))
    built = build(params, jnp.zeros((2, 2)))
    head = head_training.init(jax.random.key(0), avae=avae, options=resolve(OPTIONS, avae.group))
    return avae, params, built, head


@functools.cache
def observed(count: int) -> tuple[jax.Array, jax.Array]:
    """The object in random poses, and the poses that a search should find."""
    avae, params, _, _ = scene()
    x = jnp.tile(params["image"][None], (count, 1, 1, 1))
    pose = jax.jit(functools.partial(pose_batch, avae=avae))
    posed, applied = pose(jax.random.split(jax.random.key(1), count), x)
    return posed, inverse(applied)


def ranked(built: TemplateBank, x: jax.Array) -> template_bank.Ranking:
    rank = functools.partial(template_bank.score_templates, avae=scene()[0])
    return jax.jit(jax.vmap(rank, (None, 0)))(built, x)
