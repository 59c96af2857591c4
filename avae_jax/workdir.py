"""The work directory of one experiment: its lock, its config, its metrics, its moments.

config.json        the effective config
lock               held while a process works here
metrics.jsonl      one strict JSON object a line; tensorboard/ holds the same numbers
checkpoints/       weights and optimiser by step (see `checkpoint`)
frame.json         shape, channels and fill of the examples
seconds.json       how long training has taken
moments/           arrays recorded at moments of training, one npz a moment
report/            index.html and summary.json
"""

import contextlib
import fcntl
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax import config
from avae_jax.errors import InputError
from avae_jax.options import Options

RESULTS = ("metrics.jsonl", "tensorboard", "checkpoints", "moments", "report")


class WorkDir:
    """A directory that belongs to one config and, inside `with`, to one process.

    `with WorkDir(folder) as workdir` makes the directory and takes its lock, which dies
    with the process however that ends.

    Raises:
      InputError: the directory cannot be written, or another process works in it.
    """

    def __init__(self, folder: str | os.PathLike):
        self.folder = Path(folder)
        self.metrics_file = self.folder / "metrics.jsonl"
        self.checkpoints = self.folder / "checkpoints"
        self.report = self.folder / "report"
        self._moments = self.folder / "moments"
        self._config_file = self.folder / "config.json"
        self._open = contextlib.ExitStack()
        self._events = None
        self._purge_step = None

    def __enter__(self) -> "WorkDir":
        with _refused(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._open.enter_context(locked(self.folder))
        return self

    def __exit__(self, *exception) -> None:
        self._events = None
        self._open.close()

    def saved_options(self) -> Options:
        """The options that this directory belongs to.

        Raises:
          InputError: there are none, or they cannot be read.
        """
        if not self._config_file.exists():
            raise InputError(
                f"workdir {self.folder}: no config.json, train there first or name another one"
            )
        return config.load_saved(self._config_file)

    def compare(self, options: Options) -> None:
        """Returns if the directory belongs to `options`; writes nothing.

        Raises:
          InputError: it belongs to another config, or to none.
        """
        changed = config.differences(self.saved_options(), options)
        if changed:
            raise InputError(
                f"workdir {self.folder}: belongs to another config, choose another directory "
                f"or undo the change of {'; '.join(changed)}"
            )

    def claim(self, options: Options) -> None:
        """Makes the directory belong to `options` and writes config.json.

        A directory claimed before keeps its owner: `options` may differ only in fields that
        a second start may change, and these are written down.

        Raises:
          InputError: it belongs to another config, or holds results that have none.
        """
        if self._config_file.exists():
            self.compare(options)
        else:
            self._refuse_strays()
        with _refused(self.folder):
            config.save(options, self._config_file)

    def _refuse_strays(self) -> None:
        strays = [name for name in RESULTS if (self.folder / name).exists()]
        if strays:
            raise InputError(
                f"workdir {self.folder}: holds {', '.join(strays)} but no config.json, "
                "choose another directory"
            )

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Appends the metrics of `step` to metrics.jsonl and to the TensorBoard events.

        Args:
          metrics: numbers or scalar arrays by name; what is not finite is written as null.
        """
        record = {"step": int(step)} | {name: _plain(value) for name, value in metrics.items()}
        with self.metrics_file.open("a") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        for name, value in record.items():
            if name != "step" and isinstance(value, int | float):
                self._writer().add_scalar(name, value, record["step"])

    def read_metrics(self) -> list[dict]:
        """The lines of metrics.jsonl in their order, without a last one cut off by a crash."""
        if not self.metrics_file.exists():
            return []
        with self.metrics_file.open("rb") as file:
            records = [_record(line) for line in file]
        return [record for record in records if record is not None]

    def truncate_after(self, step: int) -> None:
        """Drops metrics and moments past `step`, before a run goes on from there.

        A run that starts from nothing passes -1.
        """
        self._purge_step = step + 1
        if self.metrics_file.exists():
            kept = [record for record in self.read_metrics() if record["step"] <= step]
            lines = "".join(json.dumps(record, allow_nan=False) + "\n" for record in kept)
            with whole(self.metrics_file) as file:
                file.write(lines.encode())
        for later, path in self._moment_files():
            if later > step:
                path.unlink()

    def write_json(self, name: str, value: Any) -> None:
        """Writes `value` as the small file `name`, whole or not at all."""
        with whole(self.folder / name) as file:
            file.write(json.dumps(value, allow_nan=False).encode())

    def read_json(self, name: str) -> Any:
        """The value of the small file `name`; `None` where it is absent or garbled."""
        try:
            return json.loads((self.folder / name).read_bytes())
        except (OSError, ValueError):
            return None

    def save_moment(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Records `arrays` as they are at `step`; numbers or texts, no objects."""
        plain: dict[str, Any] = {name: np.asarray(array) for name, array in arrays.items()}
        for name, array in plain.items():
            if array.dtype.hasobject:
                raise ValueError(f"moment {name}: {array.dtype} array, wanted numbers or texts")
        self._moments.mkdir(exist_ok=True)
        with whole(self._moments / f"{step:08d}.npz") as file:
            np.savez(file, **plain)

    def load_moments(self) -> list[tuple[int, dict[str, np.ndarray]]]:
        """(step, arrays) of every recorded moment, by step.

        Raises:
          InputError: a file is truncated or garbled.
        """
        return [(step, _arrays(path)) for step, path in self._moment_files()]

    def _moment_files(self) -> list[tuple[int, Path]]:
        return sorted((int(path.stem), path) for path in self._moments.glob("[0-9]*.npz"))

    def _writer(self):
        """The TensorBoard writer, opened when first needed: its import takes a while."""
        if self._events is None:
            from tensorboardX import SummaryWriter

            # The process id keeps two starts within one second in separate files.
            self._events = SummaryWriter(
                str(self.folder / "tensorboard"),
                purge_step=self._purge_step,
                filename_suffix=f".{os.getpid()}",
            )
            self._open.callback(self._events.close)
        return self._events


@contextlib.contextmanager
def _refused(folder: Path) -> Iterator[None]:
    """Turns a failure to write in `folder` into an `InputError`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"workdir {folder}: cannot be written, {error.strerror}") from error


@contextlib.contextmanager
def locked(folder: Path, *, name: str = "workdir") -> Iterator[None]:
    """Holds the lock of a `name` folder; the operating system lets go of it with the process."""
    # Opened to append, so that a file of that name keeps whatever it holds.
    with (folder / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{name} {folder}: another run is working in it") from error
        yield


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Any]:
    """A binary file that takes the place of `path` once it is written whole."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def _plain(value: Any) -> Any:
    """`value` as JSON knows it."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _record(line: bytes) -> dict | None:
    """The object of one line, `None` for a line that a crash left unfinished."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) else None


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        # Opened here, as numpy leaves a file that it cannot read open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return dict(arrays)
    except Exception as error:  # zipfile, zlib and numpy each have kinds of their own
        raise InputError(f"moment {path}: truncated or garbled, {error}") from error
