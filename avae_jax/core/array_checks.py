"""Checks of the arguments of pure functions: rank, shape and type where a program is traced.

Values are looked at as well where there are any: outside of `jit`, `vmap` and `grad`.
"""

from collections.abc import Sequence
from typing import Any

import chex
import jax
import numpy as np

from avae_jax.core.errors import InputError

FLOATS, INTEGERS = "floats", "integers"
# By how much interpolation and rounding may leave an interval.
ROUNDING = 1e-3


def require_array(
    name: str,
    value: Any,
    shape: Sequence[int | str],
    *,
    kind: str = FLOATS,
    finite: bool = True,
    interval: tuple[float, float] | None = None,
    way_out: str = "",
) -> None:
    """Checks one argument.

    Args:
      name: as sentences call it, such as `elbo: x`.
      shape: what is wanted, a letter where any length will do.
      kind: `floats` or `integers`.
      finite: whether NaN and infinity are refused.
      interval: the least and the largest value.
      way_out: what else could be done, after what is wanted.

    Raises:
      InputError: one sentence with the name, what came and what is wanted.
    """
    array = value if hasattr(value, "dtype") else np.asarray(value)
    try:
        chex.assert_shape(array, tuple(None if isinstance(n, str) else n for n in shape))
    except AssertionError:
        listed = f"[{', '.join(map(str, shape))}]"
        batch = _batch_of(array.shape, shape)
        raise InputError(
            f"{name}: of shape {list(array.shape)}, wanted {listed}{batch}{way_out}"
        ) from None
    try:
        chex.assert_type(array, float if kind == FLOATS else int)
    except AssertionError:
        raise InputError(f"{name}: {array.dtype} values, wanted {kind}{_range(interval)}") from None
    if kind == FLOATS and not isinstance(array, jax.core.Tracer):
        _require_values(name, np.asarray(array, np.float32), finite, interval)


def require_pose(name: str, value: Any, d: int, *lead: str) -> None:
    """Checks poses `[*lead, d + 1, d + 1]`.

    Raises:
      InputError: as `require_array`, or a pose that no other undoes.
    """
    wanted = f", poses of {d} dimensions"
    require_array(name, value, (*lead, d + 1, d + 1), way_out=wanted)
    if isinstance(value, jax.core.Tracer):
        return
    if (np.linalg.det(np.asarray(value, np.float32)) == 0).any():
        raise InputError(f"{name}: a matrix without an inverse, wanted a pose")


def _batch_of(came: Sequence[int], shape: Sequence[int | str]) -> str:
    """What helps where a batch came in place of one, or nothing."""
    alike = (isinstance(n, str) or m == n for m, n in zip(came[1:], shape, strict=False))
    one_more = len(came) == len(shape) + 1 and all(alike)
    return "; jax.vmap makes a function of a batch" if one_more else ""


def _range(interval: tuple[float, float] | None) -> str:
    if interval is None or not np.isfinite(interval).all():
        return ""
    return f" from {interval[0]:g} to {interval[1]:g}"


def _require_values(
    name: str, value: np.ndarray, finite: bool, interval: tuple[float, float] | None
) -> None:
    """Checks numbers that are there."""
    sound = np.isfinite(value)
    if finite and not sound.all():
        raise InputError(f"{name}: {int((~sound).sum())} values of NaN or infinity, wanted numbers")
    known = value[sound]
    if interval is None or not known.size:
        return
    low, high = known.min(), known.max()
    if low < interval[0] - ROUNDING or high > interval[1] + ROUNDING:
        raise InputError(
            f"{name}: values from {low:g} to {high:g}, wanted values{_range(interval)}"
        )
