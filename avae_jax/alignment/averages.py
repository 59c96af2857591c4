"""Class averages of an aligned stack, their members and Fourier ring correlations (FRC).

averages.npy (or .mrcs)   [K, H, W(, C)] float32, means of the aligned members in raw values
classes.csv               a line a class: members, resolution
frc.csv                   a line a frequency: Fourier ring correlation of two halves of each class

Of volumes averages.npy (or .mrc) is [K, D, H, W], and fsc.csv holds shell correlations (FSC).
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from avae_jax.data.formats import Stack
from avae_jax.data.formats.optional import library
from avae_jax.data.missing import Missing, hidden

NPY, MRC, CLASSES, FRC = "averages.npy", "averages.mrcs", "classes.csv", "frc.csv"
OBSERVED = Missing()
MRC_VOLUMES, FSC = "averages.mrc", "fsc.csv"
# Half sets that agree less than this hold noise (Rosenthal and Henderson, J. Mol. Biol. 2003).
AGREED = 0.143


class Averages(NamedTuple):
    """Averages of K classes.

    Attributes:
      mean: `[K, *S, C]`, NaN where no member was observed.
      halves: `[K, 2, *S, C]`, of every second member; 0 where none was observed.
      members: `[K]`.
    """

    mean: np.ndarray
    halves: np.ndarray
    members: np.ndarray


def names_of(stack: Stack) -> tuple[str, ...]:
    """The files that `write` makes."""
    volumes = len(stack.example) == 4
    mrc = MRC_VOLUMES if volumes else MRC
    return (mrc if stack.pixel else NPY, CLASSES, FSC if volumes else FRC)


def averages(
    parts: Iterable[np.ndarray],
    classes: np.ndarray,
    shape: tuple[int, ...],
    missing: Missing = OBSERVED,
    *,
    apart: bool = False,
    number: int = 0,
) -> Averages:
    """Averages of examples `[n, *S, C]` in order, whose `classes: [N]` count from 1.

    Args:
      apart: halves are every second example of all, in place of each class.
      number: of classes; by default the largest that an example has.
      missing: what stands for pixels that were not observed; these are left out.
    """
    number = number or int(classes.max())
    total, counts = np.zeros((number, 2, *shape)), np.zeros((number, 2), int)
    unseen = np.zeros_like(total)
    start = 0
    for part in parts:
        numbers = range(start, len(classes))
        each = zip(part.reshape(-1, *shape), numbers, classes[start:] - 1, strict=False)
        for example, index, one in each:
            half = index % 2 if apart else counts[one].sum() % 2
            gone = hidden(example, missing)
            total[one, half] += example if gone is None else np.where(gone, 0, example)
            unseen[one, half] += 0 if gone is None else gone
            counts[one, half] += 1
        start += len(part)
    seen = counts[(slice(None), slice(None), *[None] * len(shape))] - unseen
    halves = total / np.maximum(seen, 1)
    whole = seen.sum(1)
    mean = np.where(whole > 0, total.sum(1) / np.maximum(whole, 1), np.nan)
    return Averages(mean, halves, counts.sum(1))


def ring_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Fourier ring (or shell) correlation `[R]` of two images `[*S, C]`, at r / side per pixel."""
    side, axes = max(first.shape[:-1]), tuple(range(first.ndim - 1))
    one, other = (np.fft.fftn(each - each.mean(axes), axes=axes) for each in (first, second))
    waves = np.meshgrid(*(np.fft.fftfreq(n) * side for n in first.shape[:-1]), indexing="ij")
    ring = np.rint(np.sqrt(sum(wave**2 for wave in waves))).astype(int)
    inside = side // 2 + 1

    def summed(values: np.ndarray) -> np.ndarray:
        return np.bincount(ring.reshape(-1), values.sum(-1).reshape(-1))[1:inside]

    cross = summed((one * other.conj()).real)
    power = summed(np.abs(one) ** 2) * summed(np.abs(other) ** 2)
    return cross / np.sqrt(np.maximum(power, np.finfo(float).tiny))


def resolution(correlation: np.ndarray, side: int) -> float:
    """Pixels of the finest detail that both halves show; NaN where they show none."""
    below = np.flatnonzero(correlation < AGREED)
    rings = int(below[0]) if below.size else len(correlation)
    return side / rings if rings else np.nan


def write(folder: Path, stack: Stack, found: Averages) -> None:
    """Writes averages, members and correlations into `folder`."""
    side, names = max(stack.example[:-1]), names_of(stack)
    curves = [ring_correlation(*halves) for halves in found.halves]
    pixels = [resolution(curve, side) for curve in curves]
    pixel = stack.pixel[0] if stack.pixel and stack.pixel[0] else np.nan
    images = np.float32(found.mean.reshape(len(found.mean), *stack.shape[1:]))
    if stack.pixel:
        mrcfile = library("mrcfile", str(folder / MRC))
        with mrcfile.new(folder / names[0], data=images) as file:
            # Four axes are a stack of volumes by themselves.
            if images.ndim == 3:
                file.set_image_stack()
            file.voxel_size = stack.pixel[0]
    else:
        np.save(folder / NPY, images)
    rows = zip(found.members, pixels, strict=True)
    _table(
        folder / CLASSES,
        ("class", "members", "resolution_px", "resolution_angstrom"),
        ((k, count, *_texts(size, size * pixel)) for k, (count, size) in enumerate(rows, 1)),
    )
    heads = ("frequency_per_px", *(f"class_{k}" for k in range(1, len(curves) + 1)))
    lines = zip(np.arange(1, len(curves[0]) + 1) / side, *curves, strict=True)
    _table(folder / names[2], heads, (_texts(*line) for line in lines))


def _table(path: Path, heads: Iterable[str], rows: Iterable[Iterable]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heads)
        writer.writerows(rows)


def _texts(*numbers: float) -> tuple[str, ...]:
    return tuple(f"{number:.4g}" if np.isfinite(number) else "" for number in numbers)
