"""A run of Weights & Biases."""

import os
import secrets
from collections.abc import Mapping

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.training.writers.base import Run

# Within the folder where the library keeps its files.
IDENTITY = "run_id.txt"


class WandbRun:
    """A run of the name of the work directory, in the project `WANDB_PROJECT` or `avae_jax`.

    The other variables of the library count as ever; with `WANDB_MODE=offline` everything stays
    in `wandb/` of the work directory. A training that goes on adds to its run.

    Raises:
      InputError: the service refuses, for example without a key.
    """

    def __init__(self, run: Run):
        import wandb

        known = run.folder / "wandb" / IDENTITY
        named = known.read_text() if run.step and known.exists() else secrets.token_hex(4)
        try:
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", "avae_jax"),
                name=run.folder.resolve().name,
                dir=run.folder,
                config=run.config,
                id=named,
                resume="allow",
                settings=wandb.Settings(console="off", silent=True),
            )
        except wandb.errors.Error as error:
            raise InputError(f"log.writers=wandb: {str(error).splitlines()[0]}") from error
        known.parent.mkdir(exist_ok=True)
        known.write_text(named)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes the scalars of one step."""
        self._run.log(dict(values), step=step)

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Writes one picture, `uint8 [H, W, 3]`."""
        import wandb

        self._run.log({name: wandb.Image(pixels)}, step=step)

    def close(self) -> None:
        """Ends the run, once all of it has been passed on."""
        self._run.finish()
