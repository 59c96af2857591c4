"""Interface of a search problem: prediction, loss and moves of a pose.

The steps of Gauss-Newton take a pytree in place of a pose, such as a pose and a code.
"""

from collections.abc import Callable
from typing import NamedTuple

from avae_jax.core.types import Array, PyTree

# `(work, candidates) -> work(candidates)`.
Share = Callable[[Callable[[PyTree], PyTree], PyTree], PyTree]


def alone(work: Callable[[PyTree], PyTree], candidates: PyTree) -> PyTree:
    """`work(candidates)`, computed on this device alone."""
    return work(candidates)


class Problem(NamedTuple):
    """A search problem over poses, as functions of ONE example and one pose.

    Attributes:
      predict: `(datum, pose) -> outputs`, a pytree.
      loss: `(datum, outputs) -> []`, the minimised loss, convex in the outputs.
      retract: `(pose, alpha [P]) -> pose`, moves a pose; `alpha = 0` does not move it.
      size: P.
      hold: `(datum, pose) -> (pose -> outputs)`: encodes and decodes the example at one pose,
        freezes the latent code, and predicts at other poses; `None` if this is not possible.
      expected: `(datum, outputs) -> datum`, the example as the outputs predict it. Curvature is
        then that of the expected example (Fisher scoring); `None` takes the observed one.
      tangents: `(datum, pose) -> outputs, derivatives`, of the outputs along every parameter,
        leading axis P, where a problem has them for less than one after the other.
      share: `(work, candidates) -> work(candidates)`, may divide work on candidates `[B, K]`
        between devices; `alone` does not.

    >>> import functools, avae_jax
    >>> family = avae_jax.parse_family("translation", 2)
    >>> problem = avae_jax.Problem(
    ...     predict=lambda goal, pose: pose[:2, 2] - goal,
    ...     loss=lambda goal, apart: (apart**2).sum(),
    ...     retract=functools.partial(avae_jax.retract, family),
    ...     size=family.size,
    ... )
    """

    predict: Callable[[PyTree, PyTree], PyTree]
    loss: Callable[[PyTree, PyTree], Array]
    retract: Callable[[PyTree, Array], PyTree]
    size: int
    hold: Callable[[PyTree, Array], Callable[[Array], PyTree]] | None = None
    share: Share = alone
    expected: Callable[[PyTree, PyTree], PyTree] | None = None
    tangents: Callable[[PyTree, PyTree], tuple[PyTree, PyTree]] | None = None

    def value(self, datum: PyTree, pose: PyTree) -> Array:
        """The loss `[]` of one example at one pose."""
        return self.loss(datum, self.predict(datum, pose))
