"""A run of MLflow."""

import json
import os
import warnings
from collections.abc import Mapping

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.training.writers.base import Run

# Within the work directory: the database without a server, what it names, and the run.
DATABASE, ARTIFACTS, IDENTITY = "mlflow.db", "mlartifacts", "mlflow_run_id.txt"


class MlflowRun:
    """A run of the name of the work directory, in `MLFLOW_EXPERIMENT_NAME` or `avae_jax`.

    It goes to the server of `MLFLOW_TRACKING_URI`, without one to `mlflow.db` in the work
    directory. A training that goes on adds to its run.

    Raises:
      InputError: the server refuses.
    """

    def __init__(self, run: Run):
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        folder = run.folder.resolve()
        server = os.environ.get("MLFLOW_TRACKING_URI")
        known = folder / IDENTITY
        try:
            # The library warns about libraries of its own.
            with warnings.catch_warnings(action="ignore"):
                self._client = MlflowClient(server or f"sqlite:///{folder / DATABASE}")
                going_on = run.step and known.exists()
                self._id = known.read_text() if going_on else self._begun(run, server)
            self._client.log_text(self._id, json.dumps(run.config, indent=2), "config.json")
        except MlflowException as error:
            raise InputError(f"log.writers=mlflow: {str(error).splitlines()[0]}") from error
        known.write_text(self._id)

    def _begun(self, run: Run, server: str | None) -> str:
        """A new run, in an experiment that is made where there is none."""
        folder, name = run.folder.resolve(), os.environ.get("MLFLOW_EXPERIMENT_NAME", "avae_jax")
        known = self._client.get_experiment_by_name(name)
        place = None if server else (folder / ARTIFACTS).as_uri()
        experiment = known.experiment_id if known else self._client.create_experiment(name, place)
        return self._client.create_run(experiment, run_name=folder.name).info.run_id

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes the scalars of one step."""
        for name, value in values.items():
            self._client.log_metric(self._id, name, value, step=step, synchronous=True)

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Writes one picture, `uint8 [H, W, 3]`."""
        self._client.log_image(self._id, pixels, key=name, step=step)

    def close(self) -> None:
        """Ends the run."""
        self._client.set_terminated(self._id)
