"""From a config to the things a run works with: the one place that sees both."""

from typing import NamedTuple

import jax
import optax

from avae_jax import data, models, transform
from avae_jax.objective import AVAE, affine_vae
from avae_jax.options import Options, SearchOptions
from avae_jax.search import resolve
from avae_jax.train import TrainState, init_state, optimiser
from avae_jax.types import Key


class Experiment(NamedTuple):
    """A config made concrete.

    Attributes:
      search: the resolved search, used in evaluation and, where `train.search`, in training.
      tx: the optimiser of the weights.
      state: before the first update.
    """

    options: Options
    dataset: data.Dataset
    avae: AVAE
    search: SearchOptions
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
    *sides, channels = dataset.train.shape[1:]
    shape = tuple(sides)
    group = transform.family(options.family, len(shape))
    search = resolve(options.search, group)
    model, params = models.build(stream(options, "model"), shape, channels, options.model)
    avae = affine_vae(
        model,
        transform.frame(shape),
        dataset.fill,
        group=group,
        ranges=options.ranges,
        likelihood=options.model.likelihood,
        interpolation=options.model.interpolation,
    )
    tx = optimiser(options.train)
    state = init_state(stream(options, "train"), params, tx)
    return Experiment(options, dataset, avae, search, tx, state)


STREAMS = ("model", "train", "test")


def stream(options: Options, name: str) -> Key:
    """The key of one use of randomness; the uses never share a draw."""
    return jax.random.fold_in(jax.random.key(options.seed), STREAMS.index(name))
