"""Trainings by the command line in this process: they share compiled programs."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import pytest

from avae_jax import main
from avae_jax.training import checkpoint_seal, loop, updates


def train(
    folder: Path,
    options: Mapping[str, object],
    *,
    config: str = "digits",
    acts: Mapping[int, Callable[[], object]] | None = None,
    evaluate: Callable | None = None,
) -> int:
    """The status of the command that trains in `folder`.

    Args:
      acts: what happens at the end of which update, before it is recorded.
      evaluate: called in place of the evaluation, whose programs take long to compile.
    """
    with_fitted_head = updates.with_fitted_head

    def acting(experiment, state, step):
        (acts or {}).get(step, lambda: None)()
        return with_fitted_head(experiment, state, step)

    with pytest.MonkeyPatch.context() as patch, jax.numpy_dtype_promotion("standard"):
        patch.setattr(updates, "with_fitted_head", acting)
        patch.setattr(loop, "evaluate_and_report", evaluate or (lambda *finished: None))
        return main.main(words(folder, options, config=config))


def words(folder: Path, options: Mapping[str, object], *, config: str = "digits") -> list[str]:
    """The words of that command, without the program."""
    overrides = [f"--config.{name}={value}" for name, value in options.items()]
    return ["--config", config, "--workdir", str(folder), *overrides]


def sealed(folder: Path, step: int, *, seconds: float = 60) -> None:
    """Returns when the checkpoint after `step` updates is whole."""
    deadline = time.monotonic() + seconds
    while not (folder / "checkpoints" / str(step) / checkpoint_seal.NAME).exists():
        assert time.monotonic() < deadline, f"no checkpoint {step} in {folder}"
        time.sleep(0.01)
