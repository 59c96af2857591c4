"""Cost of a search, in forward passes."""

from typing import Any, NamedTuple

from avae_jax.config.options import SearchOptions
from avae_jax.core.types import Array
from avae_jax.inference.search import line_search
from avae_jax.inference.search.registration import rounds


class Effort(NamedTuple):
    """Numbers of evaluations of a search of one example; or the price of each kind.

    Attributes:
      values: losses.
      held: losses with derivatives at a frozen latent code.
      full: losses with all forward-mode derivatives.
      reverse: losses with a reverse-mode gradient.
    """

    values: Array | float
    held: float
    full: float
    reverse: float

    def cost(self, prices: "Effort") -> Any:
        """The sum of all evaluations at their `prices`."""
        return sum(n * price for n, price in zip(self, prices, strict=True))


def effort(
    starts: int,
    options: SearchOptions,
    *,
    scored: Array | float | None = None,
    refined: Array | float | None = None,
) -> Effort:
    """Evaluations of a search of one example from R = `starts`.

    Args:
      scored, refined: scored starts and refined candidates if not all; means are allowed.
    """
    keep, steps = min(options.keep, starts), options.steps
    if options.method == "line":
        scored, refined = starts if scored is None else scored, keep if refined is None else refined
        each = line_search.values(steps, options.polish)
        return Effort(values=scored + refined * each, held=0, full=0, reverse=0)
    if options.method == "register":
        held = starts + sum(rounds(starts, keep, steps))
        polish = options.polish
        return Effort(values=keep * (polish > 0), held=held, full=keep * polish, reverse=0)
    values = (starts if scored is None else scored) + keep * (steps > 0)
    if options.method == "adam":
        return Effort(values=values, held=0, full=0, reverse=keep * steps)
    return Effort(values=values, held=0, full=keep * steps, reverse=0)
