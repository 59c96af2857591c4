"""A spatial transformer: one network guesses the pose, and is trained with the VAE.

Reference: M. Jaderberg et al., Spatial transformer networks, 2015. The loss is the same as
everywhere, at the pose that was guessed; the gradient reaches the guess through the transform.
"""

import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from avae_jax import data
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.problem import example_keys
from avae_jax.inference.setup import stream
from avae_jax.models.augmentation import pose_batch
from avae_jax.models.objective import AVAE, elbo
from avae_jax.training.experiment import Experiment
from avae_jax.training.optimiser import optimiser
from avae_jax.transform.matrices import affine


class Localiser(nn.Module):
    """The pose `[3, 3]`, a rotation, that carries an image `[H, W, C]` to the canonical one."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for channels in (16, 32):
            x = nn.relu(nn.Conv(channels, (5, 5), strides=(2, 2))(x))
        x = nn.relu(nn.Dense(128)(x.reshape(-1)))
        # Begins by turning nothing.
        x = nn.Dense(2, kernel_init=nn.initializers.zeros)(x) + jnp.array([1.0, 0.0])
        cosine, sine = x / jnp.sqrt(jnp.square(x).sum() + 1e-6)
        return affine(jnp.array([[cosine, -sine], [sine, cosine]]), jnp.zeros(2))


class Both(NamedTuple):
    """Weights of the VAE and of the network that guesses poses."""

    vae: Params
    localiser: Params


def train(experiment: Experiment) -> Both:
    """Trains on the batches, poses and schedule of the experiment's own training."""
    options, x = experiment.options, experiment.dataset.train
    begin = Localiser().init(stream(options, "head"), x[0])
    both, tx = Both(experiment.state.params, begin), optimiser(options.train)
    opt_state, key = tx.init(both), stream(options, "train")
    step_of = functools.partial(_update, avae=experiment.avae, tx=tx)
    step_of = jax.jit(step_of, donate_argnums=(0, 1))
    shape = {"batch_size": options.train.batch_size, "examples": len(x), "seed": options.seed}
    for step in range(options.train.steps):
        index = data.batch_indices(step, **shape)
        keys = example_keys(jax.random.fold_in(key, step), index)
        both, opt_state, loss = step_of(both, opt_state, keys, x[index])
        if not (step + 1) % 250:
            print(f"  update {step + 1}: loss {float(loss):.1f}", flush=True)
    return both


def _update(
    both: Both, opt_state: Any, keys: Key, x: Array, *, avae: AVAE, tx: optax.GradientTransformation
) -> tuple[Both, Any, Array]:
    pose_keys, _, noise_keys = jax.vmap(jax.random.split, (0, None), 1)(keys, 3)
    x, _ = pose_batch(pose_keys, x, avae=avae)

    def loss_of(both: Both) -> Array:
        def one(key: Key, example: Array) -> Array:
            pose = Localiser().apply(both.localiser, example)
            terms = elbo(both.vae, key, example, pose, avae=avae)
            return terms.nll + terms.kl

        return jax.vmap(one)(noise_keys, x).mean()

    loss, gradient = jax.value_and_grad(loss_of)(both)
    updates, opt_state = tx.update(gradient, opt_state, both)
    return optax.apply_updates(both, updates), opt_state, loss


def guessed(both: Both, x: np.ndarray) -> np.ndarray:
    """Poses `[n, 3, 3]` of images, in one forward pass."""
    return np.asarray(jax.jit(jax.vmap(functools.partial(Localiser().apply, both.localiser)))(x))
