"""A small VAE of golf clubs and its train step, compiled once, for the tests of training."""

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import RangeOptions, SearchOptions, TrainOptions
from avae_jax.inference.proposals import head_training
from avae_jax.inference.search import resolve
from avae_jax.models import Model
from avae_jax.models.affine_model import AVAE, affine_vae
from avae_jax.training.optimiser import optimiser
from avae_jax.training.remembered import never_visited
from avae_jax.training.state import TrainState, init_state
from avae_jax.training.step import train_step
from avae_jax.transform import family, frame

SHAPE, Z, BATCH, PROTOTYPES = (7, 7), 2, 4, 6
EXAMPLES = 16
BANK = SearchOptions(
    method="register",
    kind="bank",
    starts=3,
    keep=1,
    steps=1,
    polish=1,
    prototypes=PROTOTYPES,
    turns=8,
    doubt=0.0,
)
SEARCHES = {
    None: None,
    "even": SearchOptions(kind="even", starts=4, keep=1, steps=1),
    "bank": BANK,
    "learned": dataclasses.replace(BANK, learned=True),
    # Examples keep their poses, which are remembered.
    "remembered": dataclasses.replace(BANK, every=3),
}


def encode(params, x):
    mu, logvar = jnp.split(jnp.tanh(x.reshape(-1) @ params["encode"]), 2)
    return mu, logvar - 2


def decode(params, z):
    return jax.nn.sigmoid(z @ params["decode"] + params["bias"]).reshape(*SHAPE, 1)


def weights() -> dict[str, jax.Array]:
    random, pixels = np.random.default_rng(0), math.prod(SHAPE)
    sizes = {"encode": (pixels, 2 * Z), "decode": (Z, pixels), "bias": (pixels,)}
    return {name: jnp.float32(random.normal(0, 0.2, size)) for name, size in sizes.items()}


@functools.cache
def avae_of(name: str = "rotation") -> AVAE:
    model = Model(encode, decode, lambda params: jnp.zeros(()))
    ranges = RangeOptions(shift=0.1, scale=1.2, shear=0.1)
    return affine_vae(model, frame(SHAPE), np.zeros(1), group=family(name, 2), ranges=ranges)


@functools.cache
def images() -> jax.Array:
    """Golf clubs, with short and long heads, in grey; no turn leaves one as it is."""
    x = np.zeros((EXAMPLES, *SHAPE, 1), np.float32)
    x[:, 3, 1:6] = 0.9
    x[:, 4, 5] = 0.8
    x[::2, 5, 4:6] = 0.7
    return jnp.asarray(
        x * np.random.default_rng(0).uniform(0.7, 1, (EXAMPLES, 1, 1, 1)), jnp.float32
    )


def searching(kind: str | None) -> SearchOptions | None:
    return kind and resolve(SEARCHES[kind], family("rotation", 2))


@functools.cache
def compiled(kind: str | None, pose_data: bool = True):
    """A compiled step and the state before it."""
    tx = optimiser(TrainOptions(steps=40, warmup=2, learning_rate=0.05))
    search = searching(kind)
    visited = never_visited(EXAMPLES, 2) if kind == "remembered" else None
    pose_data = pose_data and visited is None
    step = functools.partial(train_step, avae=avae_of(), tx=tx, search=search, pose_data=pose_data)
    head = search and head_training.init(jax.random.key(5), avae=avae_of(), options=search)
    met = jnp.zeros((PROTOTYPES, Z))
    state = init_state(jax.random.key(3), weights(), tx, met=met, head=head, visited=visited)
    return jax.jit(step), state


def batches(count: int):
    for step in range(count):
        index = (BATCH * step + np.arange(BATCH)) % EXAMPLES
        yield images()[index], index


@functools.cache
def trained(kind: str | None, count: int) -> tuple[TrainState, list[float]]:
    (step, state), losses = compiled(kind), []
    for x, index in batches(count):
        state, metrics = step(state, x, index)
        losses.append(float(metrics["loss"]))
    return state, losses
