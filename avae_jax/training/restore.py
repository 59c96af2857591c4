"""Restores trained weights from a work directory or one file; needs no data."""

import copy
import functools
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from avae_jax.config.options import Options, SearchOptions
from avae_jax.core import compile_cache
from avae_jax.core.errors import InputError
from avae_jax.inference.find_poses import build_bank
from avae_jax.inference.setup import assemble
from avae_jax.inference.trained import Trained
from avae_jax.models.objective import AVAE
from avae_jax.training import packed_model
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.experiment import Experiment, initial_train_state
from avae_jax.training.state import TrainState, bank_of
from avae_jax.training.workdir import WorkDir

# The file of the work directory that says what examples look like.
FRAME = "frame.json"
MOST_PIXELS = 2**14  # of a side


def own_copy(trained: Trained) -> Trained:
    """`trained` with arrays that nobody else holds: changed in place or given away elsewhere."""

    def copied(leaf: Any) -> Any:
        return leaf.copy() if isinstance(leaf, np.ndarray | jax.Array) else copy.deepcopy(leaf)

    params, met, bank = jax.tree.map(copied, (trained.params, trained.met, trained.bank))
    avae = trained.avae._replace(fill=copied(trained.avae.fill))
    return trained._replace(params=params, avae=avae, met=met, bank=bank)


def load(path: str | os.PathLike) -> Trained:
    """The trained model of a work directory or of a file of `pack`; the data is not needed.

    Of its checkpoints the one that `eval.checkpoint` names, the last if nothing else is said.

    Raises:
      InputError: nothing was trained there, or what is there cannot be read.
    """
    return load_with_options(path)[0]


def load_with_options(path: str | os.PathLike) -> tuple[Trained, Options]:
    """What `load` returns, and the options with which it was trained; errors as for `load`."""
    compile_cache.use()
    if Path(path).is_file():
        return _unpacked(Path(path))
    workdir = WorkDir(path)
    options, frame = workdir.saved_options(), frame_in(workdir)
    avae, search, begun = _begun(options, frame)
    state = saved_state(begun, options, workdir)
    bank = jax.jit(functools.partial(bank_of, avae=avae, search=search))(state)
    return Trained(state.params, avae, search, bank, state.met), options


def pack(folder: str | os.PathLike, file: str | os.PathLike) -> None:
    """Writes the trained model of a work directory as one file, which `load` takes.

    It holds the weights, what the search needs, the config and what examples look like,
    and neither the optimiser nor the data.

    Raises:
      InputError: nothing was trained in `folder`, or `file` exists or cannot be written.
    """
    workdir = WorkDir(folder)
    options, frame = workdir.saved_options(), frame_in(workdir)
    state = saved_state(_begun(options, frame)[-1], options, workdir)
    packed_model.write(Path(file), options, frame, _kept(state))


def write_packed(
    trained: Trained, options: Options, file: str | os.PathLike, *, half: bool = False
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
    packed_model.write(Path(file), options, frame, kept, half=half)


def _unpacked(path: Path) -> tuple[Trained, Options]:
    """The model of a file of `pack`."""
    packed = packed_model.read(path)
    if not _is_frame(packed.frame):
        raise InputError(f"{path}: has no shape of the examples, pack the model again")
    avae, search, begun = _begun(packed.options, packed.frame)
    kept = packed_model.like(_kept(begun), packed.arrays, path=path)
    kept = jax.device_put(kept)
    # Compiled as one program: step by step it would take longer than all else here.
    build = jax.jit(functools.partial(build_bank, avae=avae, options=search))
    bank = build(kept["params"], kept["met"], head=kept["head"])
    return Trained(kept["params"], avae, search, bank, kept["met"]), packed.options


def _kept(state: TrainState) -> dict[str, Any]:
    """What a model needs of a state when it trains no more."""
    head = None if state.head is None else state.head.params
    return {"params": state.params, "met": state.met, "head": head}


def _begun(options: Options, frame: dict[str, Any]) -> tuple[AVAE, SearchOptions, TrainState]:
    """The affine VAE of a config, its search, and a state before training."""
    avae, search, params = assemble(options, tuple(frame["shape"]), np.asarray(frame["fill"]))
    return avae, search, initial_train_state(options, avae, search, params)[1]


def frame_in(workdir: WorkDir) -> dict[str, Any]:
    """What a work directory says about the examples: their `shape [*S, C]` and `fill [C]`.

    Raises:
      InputError: it says nothing, or what no examples are like.
    """
    frame = workdir.read_json(FRAME)
    if not isinstance(frame, dict) or set(frame) != {"shape", "fill"}:
        raise InputError(f"workdir {workdir.folder}: no readable {FRAME}, train there first")
    if not _is_frame(frame):
        raise InputError(f"workdir {workdir.folder}: {FRAME} is garbled, train there first")
    return frame


def _is_frame(value: Any) -> bool:
    """Whether `value` can be what is said about examples."""
    if not isinstance(value, dict) or set(value) != {"shape", "fill"}:
        return False
    shape, fill = value["shape"], value["fill"]
    sound = isinstance(shape, list) and len(shape) in (3, 4) and all(map(_is_side, shape))
    sound = sound and isinstance(fill, list) and len(fill) == shape[-1]
    return sound and all(isinstance(number, float) for number in fill)


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
    template = with_raw_key(begun)
    found = saved.restore_best(template) if best else saved.restore_latest(template)
    if found is None:
        return None
    state = found[0]
    return state.replace(key=jax.random.wrap_key_data(state.key))


def with_raw_key(state: TrainState) -> TrainState:
    """`state` with its key as plain numbers, as it goes to disk."""
    return state.replace(key=jax.random.key_data(state.key))
