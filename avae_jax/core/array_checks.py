"""Checks of the arguments of pure functions: rank, shape and type where a program is traced.

Values are looked at as well where there are any: outside of `jit`, `vmap` and `grad`.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
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
    came = jnp.shape(value) if hasattr(value, "dtype") else np.shape(value)
    listed = f"[{', '.join(map(str, shape))}]"
    if len(came) != len(shape):
        one_more = len(came) == len(shape) + 1 and _fits(came[1:], shape)
        batch = "; jax.vmap makes a function of a batch" if one_more else ""
        raise InputError(f"{name}: of shape {list(came)}, wanted {listed}{batch}{way_out}")
    if not _fits(came, shape):
        raise InputError(f"{name}: of shape {list(came)}, wanted {listed}{way_out}")
    dtype = value.dtype if hasattr(value, "dtype") else np.asarray(value).dtype
    wanted = jnp.floating if kind == FLOATS else jnp.integer
    if not jnp.issubdtype(dtype, wanted):
        raise InputError(f"{name}: {dtype} values, wanted {kind}{_range(interval)}")
    if kind == FLOATS and not isinstance(value, jax.core.Tracer):
        _require_values(name, np.asarray(value, np.float32), finite, interval)


def require_pose(name: str, value: Any, d: int, *lead: str) -> None:
    """Checks poses `[*lead, d + 1, d + 1]`.

    Raises:
      InputError: as `require_array`.
    """
    wanted = f", poses of {d} dimensions"
    require_array(name, value, (*lead, d + 1, d + 1), way_out=wanted)


def _fits(came: Sequence[int], shape: Sequence[int | str]) -> bool:
    if len(came) != len(shape):
        return False
    return all(isinstance(n, str) or m == n for m, n in zip(came, shape, strict=True))


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
