"""Particle tables of RELION (STAR): the images they name, and copies with new columns.

A table is a block with `loop_`, the names of its columns and a line for each row; words with
spaces are in quotes. Only the table with `rlnImageName` is parsed; all other lines of
a file are kept unchanged.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.reading import reading

SUFFIX = ".star"
# A file of text needs many times its size when it is read.
MOST_BYTES = 2**31
IMAGE, PIXEL, GROUP = "rlnImageName", "rlnImagePixelSize", "rlnOpticsGroup"
DETECTOR, MAGNIFICATION = "rlnDetectorPixelSize", "rlnMagnification"
WORD = re.compile(r"""\"(?P<double>.*?)\"(?=\s|$)|'(?P<single>.*?)'(?=\s|$)|(?P<plain>\S+)""")


class Table(NamedTuple):
    """A loop of a STAR file.

    Attributes:
      block: the name of its block, for example `particles`.
      columns: names without the underscore, in the order of the words.
      head: index of the first line that names a column; `first` of the first row.
      rows: the words of each row.
    """

    block: str
    columns: tuple[str, ...]
    head: int
    first: int
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        """The words of one column."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]


class Particles(NamedTuple):
    """A STAR file with images.

    Attributes:
      lines: all lines of the file.
      table: the table of the images.
      optics: the table of optics groups, `None` in files before RELION 3.1.
    """

    path: Path
    lines: list[str]
    table: Table
    optics: Table | None

    @property
    def images(self) -> list[str]:
        """The names of the images, as in the file."""
        return self.table.column(IMAGE)


def read_particles(path: Path) -> Particles:
    """The table of images of a STAR file.

    Raises:
      InputError: none or several tables of images, rows with too many or too few words.
    """
    with reading(path, "STAR file"):
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: too large; a STAR file of at most {MOST_BYTES:,} bytes")
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    tables = [_table(lines, place, path) for place in _loops(lines)]
    found = [table for table in tables if IMAGE in table.columns and table.rows]
    if len(found) > 1:
        found = [table for table in found if table.block == "particles"]
    if len(found) != 1:
        names = ", ".join(f"data_{table.block}" for table in tables) or "no tables"
        raise InputError(f"{path}: {names} in it; one table of images by {IMAGE} is wanted")
    optics = [table for table in tables if table.block == "optics"]
    return Particles(path, lines, found[0], optics[0] if optics else None)


def pixel_size(particles: Particles) -> float:
    """Pixel size in Angstrom, 0 if unknown.

    Raises:
      InputError: images of several pixel sizes, or sizes that are not numbers.
    """
    table, optics = particles.table, particles.optics
    sizes: set[float] = set()
    if optics and {PIXEL, GROUP} <= {*optics.columns} and GROUP in table.columns:
        used = set(table.column(GROUP))
        some = zip(optics.column(GROUP), optics.column(PIXEL), strict=True)
        sizes = {_number(size, PIXEL, particles) for group, size in some if group in used}
    elif PIXEL in table.columns:
        sizes = {_number(size, PIXEL, particles) for size in set(table.column(PIXEL))}
    elif {DETECTOR, MAGNIFICATION} <= {*table.columns}:
        pairs = set(zip(table.column(DETECTOR), table.column(MAGNIFICATION), strict=True))
        sizes = {
            # The file gives micrometres on the detector.
            _number(size, DETECTOR, particles) * 1e4 / _number(by, MAGNIFICATION, particles)
            for size, by in pairs
        }
    if sizes and max(sizes) - min(sizes) > 1e-3 * max(sizes):
        listed = ", ".join(f"{size:g}" for size in sorted(sizes))
        raise InputError(f"{particles.path}: pixels of {listed} Angstrom; one size is wanted")
    return min(sizes, default=0.0)


def write_particles(
    path: Path, particles: Particles, images: Sequence[str], blocks: Iterable[Mapping]
) -> None:
    """Writes a copy of the STAR file with new names of images and further columns.

    Args:
      images: the name of each image.
      blocks: columns of numbers by name, `[n]` each, which replace columns of the same name;
        all rows in order.
    """
    table, lines, row = particles.table, particles.lines, 0
    with path.open("w", encoding="utf-8", errors="surrogateescape") as file:
        for block in blocks:
            columns = dict.fromkeys((*table.columns, *block))
            if not row:
                heads = [f"_{label} #{number}" for number, label in enumerate(columns, 1)]
                file.write("\n".join((*lines[: table.head], *heads)) + "\n")
            count = len(next(iter(block.values())))
            rows = slice(row, row + count)
            file.writelines(_rows(table, rows, images[rows], columns, block))
            row += count
        file.writelines(f"{line}\n" for line in lines[_end(lines, table.first) :])


def _rows(
    table: Table, rows: slice, images: Sequence[str], columns: Iterable[str], block: Mapping
) -> Iterator[str]:
    """Lines of a table, with new words for the images and in the columns of `block`."""
    changed = {IMAGE: images}
    changed |= {name: [f"{value + 0.0:.6f}" for value in block[name]] for name in block}
    for place, words in enumerate(table.rows[rows]):
        old = dict(zip(table.columns, words, strict=True))
        new = old | {name: values[place] for name, values in changed.items()}
        yield " ".join(_word(new[name]) for name in columns) + "\n"


def _loops(lines: list[str]) -> list[int]:
    return [place for place, line in enumerate(lines) if line.strip() == "loop_"]


def _table(lines: list[str], loop: int, path: Path) -> Table:
    """The table whose `loop_` is at a line."""
    named = [line.strip() for line in lines[:loop] if line.strip().startswith("data_")]
    head = loop + 1
    while head < len(lines) and not lines[head].split("#")[0].strip():
        head += 1
    first, columns = head, []
    while first < len(lines) and lines[first].strip().startswith("_"):
        columns.append(lines[first].split()[0].removeprefix("_"))
        first += 1
    rows = []
    for place in range(first, _end(lines, first)):
        words = _words(lines[place])
        if words and len(words) != len(columns):
            raise InputError(
                f"{path}: line {place + 1} has {len(words)} words; {len(columns)}, one for each "
                "column of its table, are wanted"
            )
        rows += [words] if words else []
    return Table(
        named[-1].removeprefix("data_") if named else "", tuple(columns), head, first, rows
    )


def _end(lines: list[str], first: int) -> int:
    """The line after the last row of a table whose rows begin at `first`."""
    for place in range(first, len(lines)):
        text = lines[place].strip()
        if text.startswith(("data_", "loop_", "_", "# version")):
            return place
    return len(lines)


def _words(line: str) -> list[str]:
    """The words of a row, without a comment after them."""
    found = []
    for match in WORD.finditer(line):
        if match["plain"] is not None and match["plain"].startswith("#"):
            break
        found.append(next(text for text in match.groups() if text is not None))
    return found


def _word(text: str) -> str:
    return f'"{text}"' if not text or re.search(r"\s", text) else text


def _number(text: str, name: str, particles: Particles) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not (np.isfinite(value) and value > 0):
        raise InputError(f"{particles.path}: {name} {text}; a number above 0 is wanted")
    return value
