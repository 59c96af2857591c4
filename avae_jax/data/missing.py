"""Pixels that were not observed: the number that marks them, and their positions.

`marked` sets them to NaN in float32 examples; the objective scores the other pixels only.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data.intensity import check_finite

# Numbers that programs write where nothing was observed; -128 in signed bytes only.
USUAL = {-999, -9999, -99999, -999999, -32767, -32768, -(2**31) + 1, -(2**31)}
USUAL |= {9999, 99999, 999999}
# Distance from all other numbers, in ranges of these: for usual no-data values, and for others.
APART, FAR = 0.5, 1000
# Numbers beyond any measurement, of either sign.
HUGE = 1e15
WAY_OUT = ", or data.nan=fill to take pixels with NaN as not observed"


class Missing(NamedTuple):
    """The marks of pixels that were not observed.

    Attributes:
        value: the no-data value, a number of the source; `None` without one.
        nan: whether NaN is a mark.
        why: the origin of the value, for the message.
    """

    value: float | int | None = None
    nan: bool = False
    why: str = ""

    @property
    def written(self) -> float | int:
        """The value that results have where a pixel was not observed."""
        return math.nan if self.value is None else self.value


# The two least and two largest distinct finite numbers, and the number of occurrences of each.
Ends = dict[float | int, int]


def ends_of(raw: np.ndarray, before: Ends | None = None) -> Ends:
    """The ends of raw numbers of any shape, merged with the ends `before`.

    Only the counts of the least and the largest number are over all numbers.
    """
    met = dict(before or {})
    # No copy of a large array of finite numbers.
    whole = raw.dtype.kind != "f" or np.isfinite(raw).all()
    finite = raw.reshape(-1) if whole else raw[np.isfinite(raw)]
    if not finite.size:
        return met
    least, largest = finite.min(), finite.max()
    found = {least.item(): 1, largest.item(): 1}
    # Without a candidate for a no-data value, the inner numbers do not matter.
    if least < 0 or largest >= min(USUAL, key=lambda usual: usual if usual > 0 else math.inf):
        inner = finite[(finite != least) & (finite != largest)]
        found = {one.item(): int((finite == one).sum()) for one in (least, largest)}
        found |= {one.item(): 1 for one in (inner.min(), inner.max())} if inner.size else {}
    for one, count in found.items():
        met[one] = met.get(one, 0) + count
    order = sorted(met)
    return {one: met[one] for one in (*order[:2], *order[-2:])}


def recognised(ends: Ends, dtype: np.dtype) -> float | int | None:
    """The least or largest number if it is a no-data value.

    A no-data value occurs at least twice and lies far outside of all others: by half of their
    range for numbers that programs use, else by a thousand ranges (negative numbers, and
    numbers beyond any measurement). Unsigned integers have none: their largest value may be
    the saturation of a detector.
    """
    order = sorted(ends)
    if dtype.kind in "bu" or len(order) < 3:
        return None
    for one, others in ((order[0], order[1:]), (order[-1], order[:-1])):
        reach = others[-1] - others[0]
        gap = min(abs(other - one) for other in others)
        usual = one in USUAL or (dtype.itemsize == 1 and one == -128)
        odd = abs(one) >= HUGE or (one < 0 and one == order[0])
        far = (usual and gap >= APART * reach) or (odd and gap >= FAR * reach)
        if ends[one] > 1 and reach > 0 and far:
            return one
    return None


def missing_of(
    options: DataOptions, dtype: np.dtype, ends: Ends, *, declared: float | None
) -> Missing:
    """The marks of pixels that were not observed, in numbers of `dtype` with these `ends`.

    Args:
        declared: the no-data value that the file declares.
    """
    automatic = options.nodata == "auto"
    nan = automatic and declared is not None and math.isnan(declared)
    nan = dtype.kind == "f" and (nan or options.nan == "fill")
    if isinstance(options.nodata, float):
        return Missing(_exact(options.nodata, dtype, ends), nan, "data.nodata")
    if not automatic or not ends:
        return Missing(None, nan)
    if declared is not None and not math.isnan(declared):
        why = "as its file says; data.nodata=none takes it as it is"
        return Missing(_exact(declared, dtype, ends), nan, why)
    why = "far outside of all others; data.nodata=none takes it as it is"
    return Missing(recognised(ends, dtype), nan, why)


def _exact(value: float, dtype: np.dtype, ends: Ends) -> float | int | None:
    """`value` in `dtype`, or `None` if it does not fit.

    Huge numbers are declared with few digits: a close one of the `ends` is taken.
    """
    if dtype.kind in "biu":
        limits = np.iinfo(dtype) if dtype.kind != "b" else np.iinfo(np.uint8)
        whole = math.isfinite(value) and value == int(value)
        return int(value) if whole and limits.min <= value <= limits.max else None
    near = [one for one in ends if abs(value) >= HUGE and math.isclose(one, value, rel_tol=1e-2)]
    with np.errstate(over="ignore"):
        return near[0] if near else dtype.type(value).item()


def hidden(raw: np.ndarray, missing: Missing) -> np.ndarray | None:
    """Mask of raw numbers of pixels that were not observed, bool; `None` if there are none."""
    gone = np.zeros(raw.shape, bool)
    if missing.value is not None:
        gone |= raw == raw.dtype.type(missing.value)
    if missing.nan and raw.dtype.kind == "f":
        gone |= np.isnan(raw)
    return gone if gone.any() else None


def plain(raw: np.ndarray, gone: np.ndarray | None) -> np.ndarray:
    """Raw numbers `[n, *S, C]`, with the observed minimum of each example where `gone`."""
    if gone is None:
        return raw
    seen = raw[~gone]
    top = seen.max() if seen.size else raw.dtype.type(0)
    axes = tuple(range(1, raw.ndim))
    least = np.min(raw, axis=axes, keepdims=True, where=~gone, initial=top)
    return np.where(gone, least, raw)


def marked(values: np.ndarray, gone: np.ndarray | None) -> np.ndarray:
    """Floats with NaN where `gone`."""
    return values if gone is None else np.where(gone, values.dtype.type(np.nan), values)


def require_observed(
    raw: np.ndarray,
    indices: np.ndarray,
    *,
    name: str,
    missing: Missing,
    way_out: str = "",
) -> None:
    """Checks that raw numbers are finite, except at pixels that were not observed.

    Raises:
        InputError: names the first example with other such numbers, and the remedy.
    """
    if raw.dtype.kind != "f":
        return
    way_out += WAY_OUT if np.isnan(raw).any() and not missing.nan else ""
    check_finite(plain(raw, hidden(raw, missing)), indices, name=name, way_out=way_out)


def note_of(missing: Missing, gone: int, total: int, *, name: str) -> str:
    """A message about pixels that were not observed; nothing without any.

    Raises:
        InputError: no pixel was observed.
    """
    if gone == total:
        raise InputError(f"{name}: no pixel was observed; images with observed pixels are wanted")
    if not gone:
        return "" if missing.why != "data.nodata" else f"No pixel holds {missing.why}."
    texts = [] if missing.value is None else [f"hold {missing.value:g} ({missing.why})"]
    texts += ["are NaN"] * missing.nan
    return (
        f"Not observed: {gone:,} of {total:,} pixels, those that {' or '.join(texts)}; they are "
        "kept out of the window, the fill and the likelihood."
    )


class Parted(NamedTuple):
    """Raw numbers of several splits, and masks of pixels that were not observed.

    Attributes:
        raw: `[n, *S, C]` each, with an observed number at pixels that were not observed.
        gone: `[n, *S, C]` bool each, or `None`.
        note: a message, or nothing.
    """

    raw: list[np.ndarray]
    gone: list[np.ndarray | None]
    note: str

    @property
    def masked(self) -> bool:
        """Whether some pixels were not observed."""
        return any(one is not None for one in self.gone)


def parted(
    splits: Sequence[np.ndarray], options: DataOptions, *, declared: float | None, name: str
) -> Parted:
    """Separates pixels that were not observed from the raw numbers of splits of one dtype.

    Raises:
        InputError: no pixel was observed.
    """
    dtype, ends = splits[0].dtype, Ends()
    if dtype.kind not in "biuf":
        return Parted(list(splits), [None] * len(splits), "")
    for split in splits:
        ends = ends_of(split, ends)
    missing = missing_of(options, dtype, ends, declared=declared)
    gone = [hidden(split, missing) for split in splits]
    count = sum(int(one.sum()) for one in gone if one is not None)
    note = note_of(missing, count, sum(split.size for split in splits), name=name)
    raw = [plain(split, one) for split, one in zip(splits, gone, strict=True)]
    return Parted(raw, gone, note)
