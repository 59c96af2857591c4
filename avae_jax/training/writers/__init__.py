"""Writers of metrics and pictures: one entry a kind, all of `log.writers` told together."""

import contextlib
from collections.abc import Mapping

import numpy as np

from avae_jax.config.files import to_dict
from avae_jax.config.options import Options
from avae_jax.core.atomic_files import refused
from avae_jax.training.workdir import WorkDir
from avae_jax.training.writers.base import Entry, Run, Writer
from avae_jax.training.writers.csv_file import CsvFile
from avae_jax.training.writers.mlflow_run import MlflowRun
from avae_jax.training.writers.tensorboard import Events
from avae_jax.training.writers.wandb_run import WandbRun

WRITERS = {
    "tensorboard": Entry(Events),
    "csv": Entry(CsvFile),
    "wandb": Entry(WandbRun, package="wandb", extra="wandb"),
    "mlflow": Entry(MlflowRun, package="mlflow", extra="mlflow"),
}


class Writers:
    """The writers of a run as one; a context manager that closes them.

    Args:
      names: of the writers, from `WRITERS`.
    """

    def __init__(self, run: Run, names: tuple[str, ...]):
        self._folder = run.folder
        self._all: list[Writer] = []
        with refused(run.folder), contextlib.ExitStack() as begun:
            for name in names:
                self._all.append(WRITERS[name].open(run))
                begun.callback(self._all[-1].close)
            self._open = begun.pop_all()

    def __enter__(self) -> "Writers":
        return self

    def __exit__(self, *exception) -> None:
        with refused(self._folder):
            self._open.close()

    def __bool__(self) -> bool:
        return bool(self._all)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes numbers by name.

        Raises:
          InputError: the disk is full.
        """
        with refused(self._folder):
            for writer in self._all:
                writer.scalars(step, values)

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Writes one picture, `uint8 [H, W, 3]`; errors as for `scalars`."""
        with refused(self._folder):
            for writer in self._all:
                writer.picture(step, name, pixels)


def writers_of(options: Options, workdir: WorkDir, step: int) -> Writers:
    """The writers of a training in `workdir` after `step` updates; none where none are left.

    Of several processes, one writes.

    Raises:
      InputError: a service refuses, or the disk is full.
    """
    writes = workdir.leads and step < options.train.steps
    names = (options.log.writers or ()) if writes else ()
    return Writers(Run(workdir.folder, to_dict(options), step), names)
