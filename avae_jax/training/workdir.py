"""Work directory of an experiment: lock, config, metrics, snapshots.

config.json        the effective config
lock               held while a process works here
metrics.jsonl      one strict JSON object per line; `writers` write the same numbers
checkpoints/       weights and optimiser by step (see `checkpoint`)
frame.json         shape, channels and fill of the examples
seconds.json       training time so far
moments/           snapshots of training, one npz each
report/            index.html and summary.json
"""

import contextlib
import functools
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.config import files
from avae_jax.config.options import Options
from avae_jax.core import strict_json
from avae_jax.core.atomic_files import locked, refused, whole
from avae_jax.core.errors import InputError
from avae_jax.training import snapshots

RESULTS = ("metrics.jsonl", "tensorboard", "checkpoints", "moments", "report")


class WorkDir:
    """A directory that belongs to one config and, inside `with`, to one process.

    `with WorkDir(folder) as workdir` creates the directory and takes its lock, which the
    operating system releases with the process.

    Args:
      leads: whether this process writes; one of several does. The others read, take no lock,
        and ignore calls that write.

    Raises:
      InputError: the directory cannot be written, or another process works in it.
    """

    def __init__(self, folder: str | os.PathLike, *, leads: bool = True):
        self.folder = Path(folder)
        self.leads = leads
        self.metrics_file = self.folder / "metrics.jsonl"
        self.checkpoints = self.folder / "checkpoints"
        self.report = self.folder / "report"
        self._snapshots = self.folder / "moments"
        self._config_file = self.folder / "config.json"
        self._open = contextlib.ExitStack()

    def __enter__(self) -> "WorkDir":
        if not self.leads:
            return self
        with refused(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._open.enter_context(locked(self.folder))
        return self

    def __exit__(self, *exception) -> None:
        with refused(self.folder):
            self._open.close()

    def saved_options(self) -> Options:
        """The options of this directory.

        Raises:
          InputError: there are none, or they cannot be read.
        """
        if not self._config_file.exists():
            # The output of `fit-align` contains a work directory.
            inside = self.folder / MODEL
            hint = f" such as {inside}" if (inside / "config.json").exists() else ""
            raise InputError(
                f"workdir {self.folder}: no config.json, train there first or name another one"
                f"{hint}"
            )
        return files.load_saved(self._config_file)

    def compare(self, options: Options) -> None:
        """Checks that the directory belongs to `options`; writes nothing.

        Raises:
          InputError: it belongs to another config, or has none.
        """
        changed = files.differences(self.saved_options(), options)
        if changed:
            raise InputError(
                f"workdir {self.folder}: belongs to another config, choose another directory "
                f"or undo the change of {'; '.join(changed)}"
            )

    def require_shared(self) -> None:
        """Checks that this process sees the directory that process 0 has claimed.

        Raises:
          InputError: it does not: the processes use different disks.
        """
        if not self._config_file.exists():
            raise InputError(
                f"workdir {self.folder}: another process does not see the files of process 0 "
                "there, wanted one directory that all hosts share"
            )

    def claim(self, options: Options) -> None:
        """Assigns the directory to `options` and writes config.json.

        If the directory belongs to a config, `options` may differ only in fields that a second
        start may change, and these are saved.

        Raises:
          InputError: it belongs to another config, or holds results without a config.
        """
        if not self.leads:
            return
        if self._config_file.exists():
            self.compare(options)
        else:
            self._refuse_strays()
        with refused(self.folder):
            files.save(options, self._config_file)

    def _refuse_strays(self) -> None:
        strays = [name for name in RESULTS if (self.folder / name).exists()]
        if strays:
            raise InputError(
                f"workdir {self.folder}: holds {', '.join(strays)} but no config.json, "
                "choose another directory"
            )

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Appends the metrics of `step` to metrics.jsonl.

        Args:
          metrics: numbers or scalar arrays by name; non-finite ones are written as null.
        """
        if not self.leads:
            return
        record = {"step": int(step)} | {name: _plain(value) for name, value in metrics.items()}
        with refused(self.folder), self.metrics_file.open("a") as file:
            file.write(json.dumps(record, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def read_metrics(self) -> list[dict]:
        """The lines of metrics.jsonl in order, without a last line that a crash cut off."""
        if not self.metrics_file.exists():
            return []
        with self.metrics_file.open("rb") as file:
            lines = iter(functools.partial(file.readline, strict_json.MOST_BYTES), b"")
            records = [_record(line) for line in lines]
        return [record for record in records if record is not None]

    def truncate_after(self, step: int) -> None:
        """Drops metrics and snapshots after `step`, before a run continues from there.

        A new run passes -1.
        """
        if not self.leads:
            return
        if self.metrics_file.exists():
            kept = [record for record in self.read_metrics() if record["step"] <= step]
            lines = "".join(json.dumps(record, allow_nan=False) + "\n" for record in kept)
            with refused(self.folder), whole(self.metrics_file) as file:
                file.write(lines.encode())
        for later, path in snapshots.files(self._snapshots):
            if later > step:
                path.unlink()

    def write_json(self, name: str, value: Any) -> None:
        """Writes `value` as the small file `name`, atomically."""
        if not self.leads:
            return
        with refused(self.folder), whole(self.folder / name) as file:
            file.write(json.dumps(value, allow_nan=False).encode())

    def read_json(self, name: str) -> Any:
        """The value of the small file `name`; `None` if it is absent or garbled."""
        return strict_json.read_or_none(self.folder / name)

    def save_snapshot(self, step: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Saves `arrays` of `step`; numbers or texts, not objects."""
        plain = snapshots.plain(arrays)
        if not self.leads:
            return
        with refused(self.folder):
            snapshots.save(self._snapshots, step, plain)

    def load_snapshots(self) -> list[tuple[int, dict[str, np.ndarray]]]:
        """(step, arrays) of every snapshot, by step.

        Raises:
          InputError: a file is truncated or garbled.
        """
        return [(step, snapshots.load(path)) for step, path in snapshots.files(self._snapshots)]


def _plain(value: Any) -> Any:
    """`value` as a JSON type."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _record(line: bytes) -> dict | None:
    """The object of one line, `None` for an incomplete line."""
    try:
        record = strict_json.parse(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("step"), int) else None


# The file of the work directory that holds how long training has taken.
SECONDS = "seconds.json"


def seconds_of(workdir: WorkDir) -> float:
    """Training time in seconds; 0 if its file is absent or garbled."""
    noted = workdir.read_json(SECONDS)
    return noted if isinstance(noted, float) and noted >= 0 else 0.0


# Within its output, its work directory.
MODEL = "model"
