"""Builds the objects of a run from a config."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh

from avae_jax import data
from avae_jax.config.options import Options, SearchOptions
from avae_jax.core import sharding
from avae_jax.core.types import Params
from avae_jax.data.sources.base import Source
from avae_jax.evaluation.task import Task
from avae_jax.inference.ambiguity import with_candidates
from avae_jax.inference.proposals import head_training
from avae_jax.inference.proposals.template_bank import REMEMBERED
from avae_jax.inference.search import resolve_search
from avae_jax.inference.setup import assemble, stream
from avae_jax.inference.trained import Trained
from avae_jax.models.affine_model import AVAE, ProgramKey
from avae_jax.training.optimiser import optimiser
from avae_jax.training.remembered import never_visited
from avae_jax.training.state import TrainState, bank_of, init_state


class Experiment(NamedTuple):
    """The objects of a run.

    Attributes:
      search: the resolved search of evaluation.
      training_search: the search before each update; `None` trains without search.
      tx: the optimiser of the weights.
      state: the state before the first update.
    """

    options: Options
    dataset: data.Dataset
    avae: AVAE
    search: SearchOptions
    training_search: SearchOptions | None
    tx: optax.GradientTransformation
    state: TrainState

    @property
    def task(self) -> Task:
        """The task of the evaluation."""
        return Task(self.options, self.dataset, self.avae, with_candidates(self.search))


def trained_by(experiment: Experiment) -> Callable[[TrainState], Trained]:
    """A function from a state to its trained model; the bank's program is compiled once."""
    avae, search = experiment.avae, experiment.search
    bank = _bank_program(ProgramKey.of(avae), search, sharding.mesh())
    return lambda state: Trained(state.params, avae, search, bank(state), state.met)


@functools.lru_cache(maxsize=8)
def _bank_program(key: ProgramKey, search: SearchOptions, mesh: Mesh) -> Callable:
    # The mesh belongs to the key: its devices get the bank.
    del mesh
    return sharding.same(functools.partial(bank_of, avae=key.avae, search=search))


def prepare(
    options: Options, source: Source | None = None, *, abstract: bool = False
) -> Experiment:
    """Loads the data and builds the model.

    Args:
      source: of arrays in memory, in place of the one that `options` name.
      abstract: the state holds shapes and types alone, for one that is read: initial weights
        cost a compilation.

    Raises:
      InputError: faults of the data or the config, before any computation.
    """
    dataset = data.load(options.data, seed=options.seed, source=source)
    data.require_unit_interval(dataset, options.model.likelihood)
    data.require_batch(dataset, options.train.batch_size)
    shape = dataset.train.shape[1:]
    avae, search, params = assemble(options, shape, dataset.fill, abstract=abstract)
    avae = avae._replace(masked=dataset.masked)
    training_search = None
    if options.train.search:
        training_search = resolve_search(options.search, avae.group, training=True)
    tx = optimiser(options.train)
    table = training_search is not None and keeps_poses(options, training_search)
    examples = len(dataset.train) if table else None
    begin = functools.partial(initial_train_state, options, avae, search, tx, examples=examples)
    state = jax.eval_shape(begin, params) if abstract else begin(params)
    return Experiment(options, dataset, avae, search, training_search, tx, state)


def initial_train_state(
    options: Options,
    avae: AVAE,
    search: SearchOptions,
    tx: optax.GradientTransformation,
    params: Params,
    *,
    examples: int | None = None,
) -> TrainState:
    """The state before the first update.

    Args:
      examples: number of training examples whose poses are remembered; `None` remembers none.
    """
    met = jnp.zeros((max(REMEMBERED, search.prototypes), options.model.latent))
    head = head_training.init(stream(options, "head"), avae=avae, options=search)
    visited = None if examples is None else never_visited(examples, avae.group.d)
    return init_state(stream(options, "train"), params, tx, met=met, head=head, visited=visited)


def keeps_poses(options: Options, search: SearchOptions) -> bool:
    """Whether training examples keep their poses, and the search of training remembers them."""
    return options.data.pose == "as_is" and search.every > 1
