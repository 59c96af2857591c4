"""Interface of a search problem: prediction, loss and moves of a pose."""

from collections.abc import Callable
from typing import NamedTuple

from avae_jax.core.types import Array, PyTree

# `(work, candidates) -> work(candidates)`.
Share = Callable[[Callable[[PyTree], PyTree], PyTree], PyTree]


def alone(work: Callable[[PyTree], PyTree], candidates: PyTree) -> PyTree:
    """The whole of `work(candidates)`, done here."""
    return work(candidates)


class Problem(NamedTuple):
    """A search problem over poses, as functions of ONE example and one pose.

    Attributes:
      predict: `(datum, pose) -> outputs`, a pytree.
      loss: `(datum, outputs) -> []`, convex in the outputs; what is minimised.
      retract: `(pose, alpha [P]) -> pose`, moves a pose; `alpha = 0` leaves it.
      size: P.
      hold: `(datum, pose) -> (pose -> outputs)`: explains the example at one pose and
        predicts from that explanation at others; `None` where nothing can be held.
      share: `(work, candidates) -> work(candidates)`, for work on candidates `[B, K]` that
        could be divided; `alone` does not.
    """

    predict: Callable[[PyTree, Array], PyTree]
    loss: Callable[[PyTree, PyTree], Array]
    retract: Callable[[Array, Array], Array]
    size: int
    hold: Callable[[PyTree, Array], Callable[[Array], PyTree]] | None = None
    share: Share = alone

    def value(self, datum: PyTree, pose: Array) -> Array:
        """The loss `[]` of one example at one pose."""
        return self.loss(datum, self.predict(datum, pose))
