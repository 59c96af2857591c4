"""Models that know one pose, and held-out objects in unknown ones, to try searches on."""

import functools
import time
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import data, models
from avae_jax.bank import REMEMBERED
from avae_jax.objective import AVAE, affine_vae
from avae_jax.options import DataOptions, ModelOptions, TrainOptions
from avae_jax.posing import example_keys
from avae_jax.train import init_state, optimiser, pose_batch, train_step
from avae_jax.transform import family, frame
from avae_jax.types import Array, Params

SEED = 0


class Objects(NamedTuple):
    """Upright objects `[n, *S, C]`, to train and to test on, and the value outside."""

    train: np.ndarray
    test: np.ndarray
    fill: np.ndarray


def digits(folder: Path, *, test: int) -> Objects:
    """MNIST of `folder/mnist`, padded to 40 x 40."""
    return _load(DataOptions(source=f"idx:{folder / 'mnist'}", size=40), test)


def volumes(file: Path, *, test: int) -> Objects:
    """Volumes of an npz file, shrunk by 1.35: what fills a cube leaves it when turned."""
    return _load(DataOptions(source=f"npz:{file}", scale=0.74, test_fraction=0.25), test)


def _load(options: DataOptions, count: int) -> Objects:
    dataset = data.load(options, seed=SEED)
    known = {example.tobytes() for example in dataset.train}
    # Held out is what training has not met: no copies, nothing empty.
    new = [x for x in dataset.test if x.tobytes() not in known and x.max() > x.min()]
    return Objects(dataset.train, np.stack(new[:count]), dataset.fill)


class Upright(NamedTuple):
    """A model trained on upright objects: weights, and latent means of objects it met."""

    model: models.Model
    options: ModelOptions
    params: Params
    met: Array
    step_ms: float


def train(objects: Objects, options: ModelOptions, *, steps: int, batch: int) -> Upright:
    """Trains a plain VAE on upright objects; the same seed gives the same weights."""
    *sides, channels = objects.train.shape[1:]
    model, params = models.build(jax.random.key(SEED), tuple(sides), channels, options=options)
    avae = wrap(model, objects, "rotation")
    tx = optimiser(TrainOptions(steps=steps))
    met = jnp.zeros((REMEMBERED, options.latent))
    state = init_state(jax.random.key(SEED + 1), params, tx, met=met)
    update = functools.partial(train_step, avae=avae, tx=tx, search=None, pose_data=False)
    update = jax.jit(update, donate_argnums=0)
    began = time.perf_counter()
    for number in range(steps):
        index = data.batch_indices(number, batch_size=batch, examples=len(objects.train), seed=SEED)
        state, metrics = update(state, objects.train[index], index)
        if (number + 1) % 200 == 0 or number + 1 == steps:
            spent = time.perf_counter() - began
            loss = float(metrics["loss"])
            print(f"  update {number + 1} of {steps}: loss {loss:.1f}, {spent:.0f} s", flush=True)
    return Upright(model, options, state.params, state.met, 1000 * spent / steps)


def wrap(model: models.Model, objects: Objects, group: str) -> AVAE:
    """A family of poses around a model, with the default ranges."""
    d = objects.train.ndim - 2
    inner = frame(objects.train.shape[1:-1])
    return affine_vae(model, inner, objects.fill, group=family(group, d))


def posed(objects: Objects, avae: AVAE) -> tuple[np.ndarray, np.ndarray]:
    """Every test object at its own random pose, and that pose `[n, d + 1, d + 1]`."""
    keys = example_keys(jax.random.key(SEED + 2), np.arange(len(objects.test)))
    apply = jax.jit(functools.partial(pose_batch, avae=avae))
    parts = [apply(keys[i : i + 50], objects.test[i : i + 50]) for i in range(0, len(keys), 50)]
    observed, applied = (np.concatenate(p) for p in zip(*parts, strict=True))
    return observed, applied
