"""Checks of what an alignment by averages is asked for."""

from avae_jax.core.errors import InputError


def require_arguments(
    count: int, *, max_shift: float | None, num_classes: int | None, unit: str
) -> None:
    """Checks the limits of an alignment of `count` examples; None is no limit.

    Args:
      unit: of shifts, for the sentence.

    Raises:
      InputError: a negative shift, or classes that would have fewer than two members.
    """
    if max_shift is not None and not max_shift >= 0:
        raise InputError(f"max_shift={max_shift}, wanted {unit}, 0 or more")
    if num_classes is not None and not 1 <= num_classes <= count // 2:
        raise InputError(f"num_classes={num_classes}, wanted 1 to {count // 2}")
