"""The updates of a training, one after the other, with or without files."""

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator

import jax
import numpy as np
import optax

from avae_jax import data
from avae_jax.config.options import SearchOptions
from avae_jax.core import sharding
from avae_jax.core.collectives import Axes
from avae_jax.core.progress import progress_bar, without_compiling
from avae_jax.core.types import Array
from avae_jax.inference.head_fitting import fit_head
from avae_jax.models.affine_model import AVAE
from avae_jax.training.experiment import Experiment
from avae_jax.training.recorder import Recorder
from avae_jax.training.state import TrainState, table_of
from avae_jax.training.step import train_step
from avae_jax.training.synchronised import (
    Synchronised,
    synchronise,
    synchronised_batch,
    synchronised_updates,
)
from avae_jax.training.watch import Watch

# The programs of a machine are kept (`core.compile_cache`).
COMPILING = "preparing updates: 10 to 60 s, once on a machine"


def first_state(experiment: Experiment) -> TrainState:
    """The state before the first update, whole on every device."""
    sharers = sharding.sharers(experiment.options.train.batch_size)
    return sharding.replicated(experiment.state, sharers=sharers)


def run_updates(
    experiment: Experiment,
    state: TrainState,
    start: int,
    recorder: Recorder | Watch,
    stops: Callable[[int], bool] = lambda done: False,
) -> TrainState:
    """`state` after the updates from number `start` on; it is donated.

    Args:
      recorder: told after each update.
      stops: whether to save and end after so many updates.
    """
    total, first = experiment.options.train.steps, synchronised_updates(experiment)
    # Before the bar, which its sentences would break.
    registered = synchronise(experiment) if start < first else None
    supply = supplied(experiment, start, registered)
    with progress_bar(total=total, initial=start, unit="step") as bar:
        for step in range(start, total):
            if step in (start, first):
                bar.set_postfix_str(COMPILING)
            step_of, rows = next(supply)
            # Whatever an update needs is on its devices: nothing moves unseen.
            with jax.transfer_guard("disallow"):
                state, metrics = step_of(state, *rows)
            state = with_fitted_head(experiment, state, step + 1)
            recorder.after(step + 1, state, metrics)
            if recorder.ended:
                state = with_fitted_head(experiment, state, total)
                recorder.end(step + 1, state)
                break
            said = "" if recorder.loss is None else f"loss {recorder.loss:.1f}"
            bar.set_postfix_str(said, refresh=False)
            if step in (start, first):
                without_compiling(bar)
            bar.update()
            if isinstance(recorder, Recorder) and stops(step + 1):
                recorder.stop(step + 1, state)
    return state


def supplied(
    experiment: Experiment, start: int, registered: Synchronised | None
) -> Iterator[tuple[Callable, tuple[Array, ...]]]:
    """The compiled step and the rows of each update from number `start` on."""
    if registered is not None:
        first = synchronised_updates(experiment)
        step_of = compiled_step(experiment, registered=True)
        for step in range(start, first):
            yield step_of, synchronised_batch(experiment, registered, step)
        start = first
    step_of = compiled_step(experiment)
    for step in itertools.count(start):
        yield step_of, batch(experiment, step)


def with_fitted_head(experiment: Experiment, state: TrainState, step: int) -> TrainState:
    """`state` after the last step with a pose head, if no search in training has taught one."""
    options, search = experiment.options, experiment.search
    if state.head is None or options.train.search or step < options.train.steps:
        return state
    with progress_bar(desc="pose head", unit="part") as bar:
        head = fit_head(
            sharding.local(state.params),
            sharding.local(state.met),
            experiment.dataset.train,
            avae=experiment.avae,
            options=search,
            visits=search.visits,
            seed=options.seed,
            progress=lambda what, done, total: bar.update(),
        )
    return state.replace(head=sharding.replicated(head))


@dataclasses.dataclass(frozen=True)
class Program:
    """A train step: by what it is told from others, and what it is made of."""

    key: tuple
    avae: AVAE = dataclasses.field(compare=False)
    tx: optax.GradientTransformation = dataclasses.field(compare=False)
    search: SearchOptions | None
    pose_data: bool
    registered: bool
    sharers: int


def compiled_step(experiment: Experiment, *, registered: bool = False) -> Callable:
    """`(state, x, index) -> (state, metrics)`; the state is donated, examples are split.

    With `registered` it takes poses too, and searches none.
    Trainings that differ in their data and seed alone share one program.
    """
    options, avae = experiment.options, experiment.avae
    fill = np.asarray(avae.fill).tobytes()
    key = (options.family, options.ranges, options.model, options.search, options.train)
    key += (avae.inner, fill, avae.masked, experiment.state.head is None)
    key += (table_of(experiment.state) is None,)
    return _compiled(
        Program(
            key,
            avae,
            experiment.tx,
            experiment.training_search,
            options.data.pose == "random",
            registered,
            sharding.sharers(options.train.batch_size),
        )
    )


@functools.lru_cache(maxsize=8)
def _compiled(program: Program) -> Callable:
    step = functools.partial(
        train_step,
        avae=program.avae,
        tx=program.tx,
        search=program.search,
        pose_data=program.pose_data,
    )
    if program.registered:
        step = functools.partial(_registered_step, step)
    searches = program.search is not None and not program.registered
    return sharding.step(step, searches=searches, sharers=program.sharers)


def _registered_step(
    step: Callable, state: TrainState, x: Array, index: Array, poses: Array, **axes: Axes
) -> tuple[TrainState, dict[str, Array]]:
    """`step` at given poses, which are the last rows."""
    return step(state, x, index, poses=poses, **axes)


def batch(experiment: Experiment, step: int) -> tuple[Array, Array]:
    """The examples of one update and their indices; a function of the step alone.

    Each host reads the examples of its own devices.
    """
    options, examples = experiment.options, experiment.dataset.train
    index = data.batch_indices(
        step, batch_size=options.train.batch_size, examples=len(examples), seed=options.seed
    )
    split = functools.partial(sharding.split, sharers=sharding.sharers(len(index)))
    return split(examples, index), split(index.astype(np.int32))
