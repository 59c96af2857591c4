"""Models that know one pose, and held-out objects in unknown ones, to try searches on."""

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from avae_jax import data, models
from avae_jax.config.options import ModelOptions, TrainOptions
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.problem import example_keys
from avae_jax.inference.proposals.template_bank import REMEMBERED
from avae_jax.models.affine_model import AVAE, affine_vae
from avae_jax.models.augmentation import pose_batch
from avae_jax.models.objective import Outputs, reconstruct_canonical, terms
from avae_jax.training.optimiser import optimiser
from avae_jax.training.step import objects as codes
from avae_jax.transform import family, frame
from avae_jax.transform.matrices import identity, inverse
from avae_jax.transform.sampling import random_pose
from avae_jax.transform.warp import warp
from benchmarks.data import SEED, Objects
from benchmarks.search.deform import deform


class Upright(NamedTuple):
    """A model trained on upright objects: weights, and latent codes of objects it met."""

    model: models.Model
    options: ModelOptions
    params: Params
    met: Array


def train(
    objects: Objects, options: ModelOptions, how: TrainOptions, *, deformed: float = 0.0
) -> Upright:
    """Trains a VAE on upright objects; the same seed gives the same weights.

    Args:
      deformed: by how much proportions vary, see `deform`; 0 leaves them as they are.
    """
    *sides, channels = objects.train.shape[1:]
    model, params = models.build(jax.random.key(SEED), tuple(sides), channels, options=options)
    avae = wrap(model, objects, "rotation", likelihood=options.likelihood)
    tx, steps = optimiser(how), how.steps
    update = functools.partial(_update, avae=avae, tx=tx, deformed=deformed)
    update = jax.jit(update, donate_argnums=(0, 1))
    began, opt_state, key = time.perf_counter(), tx.init(params), jax.random.key(SEED + 1)
    for number in range(steps):
        index = data.batch_indices(
            number, batch_size=how.batch_size, examples=len(objects.train), seed=SEED
        )
        keys = example_keys(jax.random.fold_in(key, number), index)
        params, opt_state, loss = update(params, opt_state, keys, objects.train[index])
        if (number + 1) % 100 == 0 or number + 1 == steps:
            spent = time.perf_counter() - began
            text = f"  update {number + 1} of {steps}: loss {float(loss):.1f}, {spent:.0f} s"
            print(text, flush=True)
    some = np.linspace(0, len(objects.train) - 1, REMEMBERED).astype(int)
    keys = example_keys(jax.random.fold_in(key, steps), some)
    met = jax.jit(functools.partial(codes, avae=avae))(
        params, keys, objects.train[some], jnp.tile(identity(avae.group.d), (REMEMBERED, 1, 1))
    )
    return Upright(model, options, params, met)


def _update(
    params: Params,
    opt_state: Any,
    keys: Key,
    x: Array,
    *,
    avae: AVAE,
    tx: Any,
    deformed: float,
) -> tuple[Params, Any, Array]:
    def loss_of(params: Params) -> Array:
        one = functools.partial(_loss, params, avae=avae, deformed=deformed)
        return jax.vmap(one)(keys, x).mean()

    loss, gradient = jax.value_and_grad(loss_of)(params)
    updates, opt_state = tx.update(gradient, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, loss


def _loss(params: Params, key: Key, x: Array, *, avae: AVAE, deformed: float) -> Array:
    """The negative ELBO of an upright object that the encoder sees turned away and back.

    So interpolation is nothing new to the encoder when a search shows it the like; chairs held
    out cost 50 nats less at their true pose than after training on crisp ones.
    """
    turn, noise, shape = jax.random.split(key, 3)
    if deformed:
        x = deform(shape, x, avae.fill, by=deformed)
    pose = random_pose(turn, avae.group, avae.ranges)
    turned = warp(x, pose, avae.fill, source=avae.inner, target=avae.inner)
    seen = reconstruct_canonical(params, noise, turned, inverse(pose), avae=avae)
    # It stands as it was explained: nothing to turn, which would take most of the time.
    outputs = Outputs(seen.drawn, seen.mu, seen.logvar, jnp.zeros(avae.group.size))
    parts = terms(params, x, outputs, avae=avae)
    return parts.nll + parts.kl


def wrap(
    model: models.Model, objects: Objects, group: str, *, likelihood: str = "bernoulli"
) -> AVAE:
    """A family of poses around a model, with the default ranges."""
    d = objects.train.ndim - 2
    inner = frame(objects.train.shape[1:-1])
    poses = family(group, d)
    return affine_vae(model, inner, objects.fill, group=poses, likelihood=likelihood)


def posed(objects: Objects, avae: AVAE) -> tuple[np.ndarray, np.ndarray]:
    """Every test object at its own random pose, and that pose `[n, d + 1, d + 1]`."""
    keys = example_keys(jax.random.key(SEED + 2), np.arange(len(objects.test)))
    apply = jax.jit(functools.partial(pose_batch, avae=avae))
    parts = [apply(keys[i : i + 50], objects.test[i : i + 50]) for i in range(0, len(keys), 50)]
    observed, applied = (np.concatenate(p) for p in zip(*parts, strict=True))
    return observed, applied
