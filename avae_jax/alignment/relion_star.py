"""`poses.star`: poses of MRC stacks in the format of RELION 3.1 and later.

RELION moves an image to its reference by a shift, then a rotation: content at r, in
pixels (x, y[, z]) from the pixel of index n // 2, goes to A^T (r + origin), where A is the
matrix of its angles. A^T is therefore the inverse of the object's rotation, and the origin
the negative of its shift, up to the centre: for even n our centre lies half a pixel before
pixel n // 2, and a rotation about it is a rotation and a shift in RELION's coordinates.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from scipy.spatial.transform import Rotation

from avae_jax.data.formats import Stack
from avae_jax.data.formats.relion_particles import Particles, write_particles
from avae_jax.report.text import plain
from avae_jax.transform.families import Family
from avae_jax.transform.frame import Frame
from avae_jax.transform.matrices import factorise

NAME = "poses.star"
CLASS = "rlnClassNumber"
# Relative difference below which pixel sizes are equal: they are quotients of rounded numbers.
SAME = 1e-3
UNKNOWN = 1.0  # Angstrom per pixel of a file without a pixel size
GROUP = "opticsGroup1"


def fits(stack: Stack) -> bool:
    """Whether a stack can have this table: MRC files with square pixels or cubic voxels."""
    sizes = stack.pixel
    return bool(sizes) and max(sizes) - min(sizes) <= SAME * max(sizes)


def pixel_size(stack: Stack) -> float:
    """Pixel size in Angstrom."""
    return stack.pixel[0] or UNKNOWN


def notes(stack: Stack, group: Family, *, reflect: bool) -> list[str]:
    """Messages about missing and assumed values of the file."""
    if not stack.pixel:
        return []
    if not fits(stack):
        sizes = ", ".join(f"{size:g}" for size in stack.pixel)
        return [f"No {NAME}: pixels of {sizes} Angstrom, RELION needs the same on every axis."]
    said = []
    if not stack.pixel[0]:
        said.append(
            f"{NAME} takes {UNKNOWN:g} Angstrom a pixel, as {stack.name} does not say its own."
        )
    kinds = {kind: group.reaches(kind) for kind in ("scale", "shear")} | {"mirror image": reflect}
    lost = [kind for kind, there in kinds.items() if there]
    if lost:
        said.append(f"{NAME} holds rotation and shift only: {', '.join(lost)} is in poses.csv.")
    return said


def columns(poses: np.ndarray, frame: Frame, *, angstrom: float) -> dict[str, np.ndarray]:
    """Angles in degrees and origins in Angstrom, `[n]` each, under RELION's names.

    Args:
      poses: `[n, d + 1, d + 1]`, carry an example to the canonical pose.
      frame: the frame of an example, of spacing 1.
      angstrom: size of a pixel.
    """
    factors = factorise(np.asarray(np.linalg.inv(poses), np.float32))
    # The axes of an array are y, x or z, y, x.
    turned = np.asarray(factors.rotation, np.float64)[:, ::-1, ::-1]
    shift = np.asarray(factors.shift, np.float64)[:, ::-1] * frame.unit
    centre = np.array([n // 2 - (n - 1) / 2 for n in frame.shape[::-1]])
    origin = (centre - shift - turned @ centre) * angstrom
    found = _angles(turned)
    return found | {
        f"rlnOrigin{axis}Angst": origin[:, i] for i, axis in enumerate("XYZ"[: frame.d])
    }


def _angles(turned: np.ndarray) -> dict[str, np.ndarray]:
    """RELION's angles of rotations `[n, d, d]` of objects, acting on points (x, y[, z])."""
    if turned.shape[-1] == 2:
        return {"rlnAnglePsi": np.degrees(np.arctan2(turned[:, 0, 1], turned[:, 0, 0]))}
    with warnings.catch_warnings():
        # Without tilt the other two are about the same axis: the last is then 0.
        warnings.simplefilter("ignore", UserWarning)
        back = Rotation.from_matrix(turned.swapaxes(-1, -2)).as_euler("ZYZ", degrees=True)
    return {f"rlnAngle{name}": back[:, i] for i, name in enumerate(("Rot", "Tilt", "Psi"))}


def image(stack: Stack, index: int) -> str:
    """RELION's name of an example: its number in a stack, from 1, or its file."""
    if stack.images:
        return stack.images[index]
    if stack.keys:
        return str(stack.path / stack.keys[index])
    return f"{index + 1:06d}@{stack.path}"


def write(path: Path, stack: Stack, blocks: Iterable[Mapping[str, np.ndarray]]) -> None:
    """Writes blocks of `columns`, all examples in order; into the table of the input if any."""
    if stack.particles:
        write_particles(
            path, stack.particles, stack.images, _for_table(stack, stack.particles, blocks)
        )
        return
    *sides, _ = stack.example
    optics = {
        "rlnOpticsGroup": 1,
        "rlnOpticsGroupName": GROUP,
        "rlnImagePixelSize": f"{pixel_size(stack):.6f}",
        "rlnImageDimensionality": len(sides),
    }
    if len(set(sides)) == 1:
        optics["rlnImageSize"] = sides[0]
    with path.open("w", encoding="utf-8", errors="backslashreplace") as file:
        _begin(file, "optics", optics)
        file.write(" ".join(map(str, optics.values())) + "\n")
        index = 0
        for block in blocks:
            if not index:
                _begin(file, "particles", ("rlnImageName", *block, "rlnOpticsGroup"))
            for numbers in zip(*block.values(), strict=True):
                texts = [_number(value) for value in numbers]
                file.write(" ".join((_word(image(stack, index)), *texts, "1")) + "\n")
                index += 1


def _number(value: Any) -> str:
    """Integers in full, floats with six digits; adding zero turns -0 into 0."""
    return str(value) if isinstance(value, np.integer) else f"{value + 0.0:.6f}"


def _for_table(
    stack: Stack, table: Particles, blocks: Iterable[Mapping[str, np.ndarray]]
) -> Iterator[dict[str, np.ndarray]]:
    """`blocks` in the units of the table of a stack: origins in pixels before RELION 3.1.

    For images, out-of-plane angles of the table become 0: they belonged to its earlier poses.
    """
    angstrom = table.optics is not None or "rlnOriginXAngst" in table.table.columns
    size = pixel_size(stack)
    for block in blocks:
        found = {}
        for name, column in block.items():
            pixels = name.endswith("Angst") and not angstrom
            found[name.removesuffix("Angst") if pixels else name] = column / (size if pixels else 1)
        others = [name for name in ("rlnAngleRot", "rlnAngleTilt") if name in table.table.columns]
        zeros = np.zeros(len(next(iter(found.values()))))
        yield {name: zeros for name in others} | found


def _begin(file: TextIO, name: str, labels: Iterable[str]) -> None:
    """The head of one table."""
    lines = [f"_{label} #{number}" for number, label in enumerate(labels, 1)]
    file.write("\n".join(["\n# version 30001\n", f"data_{name}\n", "loop_", *lines]) + "\n")


def _word(text: str) -> str:
    """`text` as one word of the file, quoted if it has spaces."""
    line = plain(text)
    return f'"{line}"' if " " in line else line
