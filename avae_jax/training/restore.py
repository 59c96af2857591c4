"""Restores trained weights from a work directory or one file; needs no data."""

import copy
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import Options, SearchOptions
from avae_jax.core import compile_cache
from avae_jax.core.errors import InputError
from avae_jax.core.types import Shape
from avae_jax.inference.find_poses import build_bank
from avae_jax.inference.setup import assemble
from avae_jax.inference.trained import Trained
from avae_jax.models.affine_model import AVAE
from avae_jax.training import packed_model
from avae_jax.training.calibration import Found, as_text, found_calibration
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.experiment import Experiment, initial_train_state
from avae_jax.training.optimiser import optimiser
from avae_jax.training.remembered import is_concrete, table_as_saved
from avae_jax.training.state import TrainState, bank_of, table_of, with_table
from avae_jax.training.workdir import WorkDir

# The file of the work directory with shape and fill of the examples.
FRAME = "frame.json"
TRIES = 5  # to read a checkpoint while others are saved and old ones deleted


def own_copy(trained: Trained) -> Trained:
    """`trained` with copied arrays, safe from changes in place and from donation."""

    def copied(leaf: Any) -> Any:
        return leaf.copy() if isinstance(leaf, np.ndarray | jax.Array) else copy.deepcopy(leaf)

    params, met, bank = jax.tree.map(copied, (trained.params, trained.met, trained.bank))
    avae = trained.avae._replace(fill=copied(trained.avae.fill))
    return trained._replace(params=params, avae=avae, met=met, bank=bank)


def load(path: str | os.PathLike) -> Trained:
    """The trained model of a work directory or of a file of `pack`; the data is not needed.

    `eval.checkpoint` of the config selects the checkpoint, by default the last.

    Raises:
      InputError: no trained model there, or it cannot be read.

    >>> import avae_jax
    >>> trained = avae_jax.load("runs/digits")
    >>> trained.avae.group.name
    'rotation'
    """
    return load_with_options(path)[0]


def load_with_options(
    path: str | os.PathLike, *, op_by_op: bool = False
) -> tuple[Trained, Options]:
    """What `load` returns, and the options with which it was trained; errors as for `load`.

    Args:
      op_by_op: the bank is built as version 0.1 did, equal to the bit: its unfinished alignments
        name their model by it. Otherwise one program builds it, in a fraction of the time.
    """
    compile_cache.use()
    build = (lambda function: function) if op_by_op else jax.jit
    if Path(path).is_file():
        return _unpacked(Path(path), build)
    workdir = WorkDir(path)
    options, frame = workdir.saved_options(), frame_in(workdir)
    avae, search, begun = _begun(options, tuple(frame["shape"]), np.asarray(frame["fill"]))
    state = saved_state(begun, options, workdir)
    bank = build(functools.partial(bank_of, avae=avae, search=search))(state)
    return Trained(state.params, avae, search, bank, state.met), options


def pack(folder: str | os.PathLike, file: str | os.PathLike) -> None:
    """Writes the trained model of a work directory as one file, which `load` reads.

    It holds the weights, the data of the search, the config, shape and fill of the examples, and
    the calibration that the evaluation found, but neither the optimiser nor the training data.

    Raises:
      InputError: no trained model in `folder`, or `file` exists or cannot be written.

    >>> import avae_jax
    >>> avae_jax.pack("runs/digits", "digits.npz")
    >>> avae_jax.load("digits.npz").avae.group.name
    'rotation'
    """
    workdir = WorkDir(folder)
    options, frame = workdir.saved_options(), frame_in(workdir)
    begun = _begun(options, tuple(frame["shape"]), np.asarray(frame["fill"]))[-1]
    state = saved_state(begun, options, workdir)
    calibration = as_text(found_calibration(folder))
    packed_model.write(Path(file), options, frame, _kept(state), calibration=calibration)


def write_packed(
    trained: Trained,
    options: Options,
    file: str | os.PathLike,
    *,
    calibration: Found | None = None,
    half: bool = False,
) -> None:
    """Writes a model that was trained with `options` as one file, which `load` takes.

    Args:
      half: weights are written with 16 bits instead of 32.

    Raises:
      InputError: `file` exists or cannot be written.
    """
    avae, head = trained.avae, None if trained.bank is None else trained.bank.head
    fill = np.asarray(avae.fill, np.float64).tolist()
    frame = {"shape": [*avae.inner.shape, len(fill)], "fill": fill}
    kept = {"params": trained.params, "met": trained.met, "head": head}
    more = {"calibration": as_text(calibration), "half": half}
    packed_model.write(Path(file), options, frame, kept, **more)


def _unpacked(path: Path, build: Callable) -> tuple[Trained, Options]:
    """The model of a file of `pack`."""
    packed = packed_model.read(path)
    if not packed_model.is_frame(packed.frame):
        raise InputError(f"{path}: has no shape of the examples, pack the model again")
    options, frame = packed.options, packed.frame
    shape, fill = tuple(frame["shape"]), np.asarray(frame["fill"])
    avae, search, begun = _begun(options, shape, fill)
    kept = jax.device_put(packed_model.like(_kept(begun), packed.arrays, path=path))
    bank_from = build(functools.partial(build_bank, avae=avae, options=search))
    bank = bank_from(kept["params"], kept["met"], head=kept["head"])
    return Trained(kept["params"], avae, search, bank, kept["met"]), packed.options


def _kept(state: TrainState) -> dict[str, Any]:
    """The parts of a state that a trained model needs."""
    head = None if state.head is None else state.head.params
    return {"params": state.params, "met": state.met, "head": head}


def _begun(
    options: Options, shape: Shape, fill: np.ndarray
) -> tuple[AVAE, SearchOptions, TrainState]:
    """The affine VAE of a config, its search, and shapes and types of a state on one device."""
    avae, search, params = assemble(options, shape, fill, abstract=True)
    begin = functools.partial(initial_train_state, options, avae, search, optimiser(options.train))
    here = jnp.zeros(()).sharding
    begun = jax.tree.map(lambda leaf: leaf.update(sharding=here), jax.eval_shape(begin, params))
    return avae, search, begun


def frame_in(workdir: WorkDir) -> dict[str, Any]:
    """The `shape [*S, C]` and `fill [C]` of the examples of a work directory.

    Raises:
      InputError: they are absent or invalid.
    """
    frame = workdir.read_json(FRAME)
    if not isinstance(frame, dict) or set(frame) != {"shape", "fill"}:
        raise InputError(f"workdir {workdir.folder}: no readable {FRAME}, train there first")
    if not packed_model.is_frame(frame):
        raise InputError(f"workdir {workdir.folder}: {FRAME} is garbled, train there first")
    return frame


def frame_of(experiment: Experiment) -> dict[str, Any]:
    """Shape and fill of the examples, for `load`."""
    dataset = experiment.dataset
    return {"shape": list(dataset.train.shape[1:]), "fill": dataset.fill.tolist()}


def checkpoints(options: Options, workdir: WorkDir, *, reads: bool = False) -> Checkpoints:
    """The checkpoints of a work directory; see `Checkpoints` for `reads`."""
    log = options.log
    return Checkpoints(workdir.checkpoints, log.keep_checkpoints, log.checkpoint_every, reads=reads)


def saved_state(begun: TrainState, options: Options, workdir: WorkDir) -> TrainState:
    """The state of a work directory that `eval.checkpoint` selects, shaped and placed like `begun`.

    Raises:
      InputError: there is no readable one.
    """
    state = _read(begun, options, workdir) if workdir.checkpoints.exists() else None
    if state is None:
        raise InputError(f"workdir {workdir.folder}: no checkpoint to read, train there first")
    return state


def _read(begun: TrainState, options: Options, workdir: WorkDir) -> TrainState | None:
    """`restore`, again where a training has meanwhile deleted what was there."""
    best = options.eval.checkpoint == "best"
    for left in reversed(range(TRIES)):
        with checkpoints(options, workdir, reads=True) as saved:
            try:
                state = restore(begun, saved, best=best)
                failure = None
            except InputError as error:
                state, failure = None, error
            there = all((saved.folder / str(step)).exists() for step in saved.steps())
        if state is not None or there or not left:
            break
    if failure:
        raise failure
    return state


def restore(begun: TrainState, saved: Checkpoints, *, best: bool = False) -> TrainState | None:
    """The newest or the best readable state, or `None` if nothing was saved."""
    raw, own = with_raw_key(begun), table_of(begun)

    def template(arrays: dict[str, str]) -> TrainState:
        return with_table(raw, table_as_saved(own, arrays, place=raw.step.sharding))

    found = saved.restore_best(template) if best else saved.restore_latest(template)
    if found is None:
        return None
    state = found[0]
    if table_of(state) is None and is_concrete(own):
        # Earlier versions remembered no poses: this one begins to.
        state = with_table(state, own)
    return state.replace(key=jax.random.wrap_key_data(state.key))


def with_raw_key(state: TrainState) -> TrainState:
    """`state`, or its shapes and types, with the key as plain numbers, for the disk."""
    if isinstance(state.key, jax.ShapeDtypeStruct):
        raw = jax.eval_shape(jax.random.key_data, state.key)
        return state.replace(key=raw.update(sharding=state.key.sharding))
    return state.replace(key=jax.random.key_data(state.key))
