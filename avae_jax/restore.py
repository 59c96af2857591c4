"""Trained weights back from a work directory, with or without the data they came from."""

import os
from typing import Any, NamedTuple

import jax
import numpy as np

from avae_jax.bank import Bank
from avae_jax.checkpoint import Checkpoints
from avae_jax.errors import InputError
from avae_jax.experiment import Experiment, assemble, beginning
from avae_jax.objective import AVAE
from avae_jax.options import Options, SearchOptions
from avae_jax.train import TrainState, bank_of
from avae_jax.types import Array, Params, Shape
from avae_jax.workdir import WorkDir

# The file of the work directory that says what examples look like.
FRAME = "frame.json"
MOST_PIXELS = 2**14  # of a side


class Trained(NamedTuple):
    """A trained affine VAE: weights, model and family, its search and bank.

    `met: [N, Z]` are objects it met last; a bank for another search is built of them.
    """

    params: Params
    avae: AVAE
    search: SearchOptions
    bank: Bank | None
    met: Array


def load(folder: str | os.PathLike) -> Trained:
    """The trained model of a work directory; the data set is not needed.

    Of its checkpoints the one that `eval.checkpoint` names, the last if nothing else is said.

    Raises:
      InputError: nothing was trained there, or what is there cannot be read.
    """
    workdir = WorkDir(folder)
    options, (shape, fill) = workdir.saved_options(), frame_in(workdir)
    avae, search, params = assemble(options, shape, fill)
    _, begun = beginning(options, avae, search, params)
    state = saved_state(begun, options, workdir)
    bank = bank_of(state, avae=avae, search=search)
    return Trained(state.params, avae, search, bank, state.met)


def frame_in(workdir: WorkDir) -> tuple[Shape, np.ndarray]:
    """What a work directory says about the examples: `[*S, C]` and the fill `[C]`.

    Raises:
      InputError: it says nothing, or what no examples are like.
    """
    frame = workdir.read_json(FRAME)
    if not isinstance(frame, dict) or set(frame) != {"shape", "fill"}:
        raise InputError(f"workdir {workdir.folder}: no readable {FRAME}, train there first")
    shape, fill = frame["shape"], frame["fill"]
    sound = isinstance(shape, list) and len(shape) in (3, 4) and all(map(_is_side, shape))
    sound = sound and isinstance(fill, list) and len(fill) == shape[-1]
    if not sound or not all(isinstance(value, float) for value in fill):
        raise InputError(f"workdir {workdir.folder}: {FRAME} is garbled, train there first")
    return tuple(shape), np.asarray(fill)


def _is_side(value: Any) -> bool:
    """Whether `value` can be the number of pixels of a side."""
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_PIXELS


def frame_of(experiment: Experiment) -> dict[str, Any]:
    """What `load` needs to know about the examples."""
    dataset = experiment.dataset
    return {"shape": list(dataset.train.shape[1:]), "fill": dataset.fill.tolist()}


def checkpoints(options: Options, workdir: WorkDir) -> Checkpoints:
    """The checkpoints of a work directory."""
    log = options.log
    return Checkpoints(workdir.checkpoints, log.keep_checkpoints, log.checkpoint_every)


def saved_state(begun: TrainState, options: Options, workdir: WorkDir) -> TrainState:
    """The readable state of a work directory that `eval.checkpoint` names, shaped like `begun`.

    Raises:
      InputError: there is none.
    """
    state = None
    if workdir.checkpoints.exists():
        with checkpoints(options, workdir) as saved:
            state = restore(begun, saved, best=options.eval.checkpoint == "best")
    if state is None:
        raise InputError(f"workdir {workdir.folder}: no checkpoint to read, train there first")
    return state


def restore(begun: TrainState, saved: Checkpoints, *, best: bool = False) -> TrainState | None:
    """The newest or the best readable state, or `None` if nothing was saved."""
    template = packed(begun)
    found = saved.restore_best(template) if best else saved.restore_latest(template)
    if found is None:
        return None
    state = found[0]
    return state.replace(key=jax.random.wrap_key_data(state.key))


def packed(state: TrainState) -> TrainState:
    """`state` with its key as plain numbers, as it goes to disk."""
    return state.replace(key=jax.random.key_data(state.key))
