"""From a config to the things a run works with: the one place that sees both."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from avae_jax import data, models, proposals, transform
from avae_jax.bank import REMEMBERED
from avae_jax.objective import AVAE, affine_vae
from avae_jax.options import Options, SearchOptions
from avae_jax.pose_search import resolve
from avae_jax.train import TrainState, init_state, optimiser
from avae_jax.types import Key, Params, Shape


class Experiment(NamedTuple):
    """A config made concrete.

    Attributes:
      search: the resolved search of evaluation.
      training_search: the one before each update; `None` trains without.
      tx: the optimiser of the weights.
      state: before the first update.
    """

    options: Options
    dataset: data.Dataset
    avae: AVAE
    search: SearchOptions
    training_search: SearchOptions | None
    tx: optax.GradientTransformation
    state: TrainState


def prepare(options: Options) -> Experiment:
    """Loads the data and builds the model.

    Raises:
      InputError: whatever is wrong with the data or the config, before compute is spent.
    """
    dataset = data.load(options.data, seed=options.seed)
    data.require_unit_interval(dataset, options.model.likelihood)
    data.require_batch(dataset, options.train.batch_size)
    avae, search, params = assemble(options, dataset.train.shape[1:], dataset.fill)
    avae = avae._replace(masked=dataset.masked)
    training_search = None
    if options.train.search:
        training_search = resolve(options.search, avae.group, training=True)
    tx, state = beginning(options, avae, search, params)
    return Experiment(options, dataset, avae, search, training_search, tx, state)


def beginning(
    options: Options, avae: AVAE, search: SearchOptions, params: Params
) -> tuple[optax.GradientTransformation, TrainState]:
    """The optimiser, and the state before the first update."""
    tx = optimiser(options.train)
    met = jnp.zeros((max(REMEMBERED, search.prototypes), options.model.latent))
    head = proposals.init(stream(options, "head"), avae=avae, options=search)
    return tx, init_state(stream(options, "train"), params, tx, met=met, head=head)


def assemble(
    options: Options, shape: Shape, fill: np.ndarray
) -> tuple[AVAE, SearchOptions, Params]:
    """The affine VAE for examples of `shape = [*S, C]`, its search and its first weights.

    Raises:
      InputError: a family or a search that cannot be.
    """
    *sides, channels = shape
    group = transform.family(options.family, len(sides))
    search = resolve(options.search, group)
    key = stream(options, "model")
    model, params = models.build(key, tuple(sides), channels, options=options.model)
    avae = affine_vae(
        model,
        transform.frame(tuple(sides)),
        fill,
        group=group,
        ranges=options.ranges,
        likelihood=options.model.likelihood,
        interpolation=options.model.interpolation,
    )
    return avae, search, params


STREAMS = ("model", "train", "test", "head")


def stream(options: Options, name: str) -> Key:
    """The key of one use of randomness; the uses never share a draw."""
    return jax.random.fold_in(jax.random.key(options.seed), STREAMS.index(name))
