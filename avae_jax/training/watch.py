"""What is looked at after each update: metrics that must be finite, and a callback."""

from collections.abc import Callable

import jax
import numpy as np

from avae_jax.core.errors import NumericalError
from avae_jax.core.types import Array

# `(update, metrics) -> whether to end training here`; metrics are plain numbers.
Callback = Callable[[int, dict[str, float]], object]


class Watch:
    """Looks at the metrics of a training every few updates; writes nothing.

    Args:
      steps: updates of the training.
      every: updates between two looks.
      callback: called at each look; something true ends the training after that update.

    Attributes:
      loss: that of the last look.
      ended: whether the callback has ended the training.
    """

    def __init__(self, *, steps: int, every: int, callback: Callback | None = None):
        self.loss: float | None = None
        self.ended = False
        self._steps, self._every, self._callback = steps, every, callback
        self._recent: list[tuple[int, dict[str, Array]]] = []
        self._losses: list[float] = []

    def after(self, step: int, state: object, metrics: dict[str, Array]) -> None:
        """Takes note of update number `step`, and looks where a look is due.

        Raises:
          NumericalError: a metric since the last look is not finite.
        """
        del state
        self.add(step, metrics)
        if self.due(step):
            self.look()

    def add(self, step: int, metrics: dict[str, Array]) -> None:
        """Takes note of the metrics of an update, which may still be computed."""
        self._recent.append((step, metrics))

    def due(self, step: int) -> bool:
        """Whether to look after this update."""
        return step == self._steps or step % self._every == 0

    def look(self) -> dict[str, float]:
        """The metrics of the last update, where all since the last look are finite.

        Raises:
          NumericalError: one is not.
        """
        step = self._recent[-1][0]
        values = self.require_sound()
        self.loss = values["loss"]
        if self._callback is not None and self._callback(step, dict(values)):
            self.ended = True
        return values

    def require_sound(self) -> dict[str, float]:
        """Checks what has not been looked at yet; nobody is called.

        Raises:
          NumericalError: a metric is not finite.
        """
        values = require_finite(self._recent)
        self._losses += jax.device_get([metrics["loss"] for _, metrics in self._recent])
        self._recent = []
        return values

    def mean_loss(self) -> float | None:
        """The mean loss of the updates since this was last asked for; None without any."""
        mean = float(np.mean(self._losses)) if self._losses else None
        self._losses = []
        return mean

    def end(self, step: int, state: object) -> None:
        """Told where the callback has ended the training."""


def require_finite(recent: list[tuple[int, dict[str, Array]]]) -> dict[str, float]:
    """The metrics of the last of some updates, on the host.

    Raises:
      NumericalError: one of them is not finite; names the first and its step.
    """
    metrics: dict[str, Array] = {}
    for step, metrics in jax.device_get(recent):
        for name, value in metrics.items():
            if not np.isfinite(value):
                raise NumericalError(
                    f"{name}={value} at step {step}: wanted a finite number; the last good "
                    "checkpoint is kept; lower train.learning_rate or look at the data"
                )
    return {name: float(value) for name, value in metrics.items()}
