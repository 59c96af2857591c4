"""Mesh files (OFF, OBJ, STL): triangles, and copies with moved vertices.

A copy is the file with new coordinates: faces, colours, names and comments stay.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.optional import library
from avae_jax.data.formats.reading import reading

SUFFIXES = (".off", ".obj", ".stl")
# Files of text need many times their size when they are read.
MOST_BYTES = 2**28
# Binary STL: a header, which ends with the number of triangles, and a record for each.
HEAD, COUNT = 84, 80
RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("more", "<u2")])
# Words that begin a line with the coordinates of a point or a direction.
WORDS = {".obj": ((b"v",), (b"vn",)), ".stl": ((b"vertex",), (b"facet", b"normal"))}

Move = Callable[[np.ndarray], np.ndarray]


class _Places(NamedTuple):
    """Positions of three numbers in lines of text: the line, and the first of three words."""

    points: list[tuple[int, int]]
    directions: list[tuple[int, int]]


def read_triangles(path: Path) -> np.ndarray:
    """The corners of all triangles of a mesh, `[m, 3, 3]` float64, in x, y, z.

    Polygons are cut into triangles.

    Raises:
      InputError: not a mesh in the format of its name, no faces, corners that are not finite.
    """
    trimesh = library("trimesh", str(path), extra="mesh")
    kind = path.suffix.lower()
    with reading(path, f"{kind[1:].upper()} mesh"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # faults are raised as errors
        content = _content(path)
        points = _points(content, kind)
        made = trimesh.load_mesh(
            io.BytesIO(content), file_type=kind[1:], process=False, skip_materials=True
        )
        triangles = np.asarray(made.triangles, np.float64).reshape(-1, 3, 3)
    if not len(triangles):
        raise InputError(f"{path}: no faces in it; a mesh with a surface is wanted")
    if not np.isfinite(triangles).all():
        raise InputError(f"{path}: corners that are NaN or infinite; finite numbers are wanted")
    least, most = points.min(0), points.max(0)
    if (triangles < least).any() or (triangles > most).any():
        # The copy would be a different mesh.
        raise InputError(f"{path}: faces beyond its vertices; a plain mesh file is wanted")
    return triangles


def write_moved(source: Path, target: Path, linear: np.ndarray, shift: np.ndarray) -> None:
    """Copies a mesh with each vertex at `linear @ vertex + shift` and rotated normals."""
    turned = np.linalg.inv(linear)  # its transpose maps normals

    def move(points: np.ndarray) -> np.ndarray:
        return points @ linear.T + shift

    def turn(directions: np.ndarray) -> np.ndarray:
        made = directions @ turned
        length, made_length = (np.linalg.norm(v, axis=1, keepdims=True) for v in (directions, made))
        return made * np.divide(length, made_length, out=0 * length, where=made_length > 0)

    content, kind = _content(source), source.suffix.lower()
    if _is_packed(content, kind):
        made = _packed_moved(content, move, turn)
    else:
        made = _text_moved(content, kind, move, turn)
    target.write_bytes(made)


def _content(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InputError(f"{path}: {size:,} bytes; a mesh of at most {MOST_BYTES:,} is wanted")
    content = path.read_bytes()
    if path.suffix.lower() == ".obj" and re.search(rb"^\s*f\s.*-", content, re.MULTILINE):
        raise InputError(
            f"{path}: faces with negative vertex indices; indices from 1 up are wanted"
        )
    return content


def _is_packed(content: bytes, kind: str) -> bool:
    """Whether this is a binary STL file: its size matches its header."""
    if kind != ".stl" or len(content) < HEAD:
        return False
    count = int.from_bytes(content[COUNT:HEAD], "little")
    return len(content) == HEAD + count * RECORD.itemsize


def _packed_moved(content: bytes, move: Move, turn: Move) -> bytes:
    records = np.frombuffer(content[HEAD:], RECORD).copy()
    corners = records["corners"].reshape(-1, 3).astype(np.float64)
    records["corners"] = move(corners).reshape(-1, 3, 3)
    records["normal"] = turn(records["normal"].astype(np.float64))
    return content[:HEAD] + records.tobytes()


def _text_moved(content: bytes, kind: str, move: Move, turn: Move) -> bytes:
    lines = content.split(b"\n")
    places = _places(lines, kind)
    for some, change in ((places.points, move), (places.directions, turn)):
        for (number, first), values in zip(some, change(_numbers(lines, some)), strict=True):
            words = lines[number].split()
            words[first : first + 3] = [b"%.12g" % (value + 0.0) for value in values]
            end = b"\r" if lines[number].endswith(b"\r") else b""
            lines[number] = b" ".join(words) + end
    return b"\n".join(lines)


def _points(content: bytes, kind: str) -> np.ndarray:
    """All vertices `[n, 3]` in the order of the file, used by a face or not."""
    if _is_packed(content, kind):
        return np.frombuffer(content[HEAD:], RECORD)["corners"].reshape(-1, 3)
    lines = content.split(b"\n")
    points = _numbers(lines, _places(lines, kind).points)
    if not len(points):
        raise ValueError("no vertices")
    return points


def _numbers(lines: list[bytes], places: Iterable[tuple[int, int]]) -> np.ndarray:
    words = [lines[number].split()[first : first + 3] for number, first in places]
    return np.array(words, dtype=bytes).astype(np.float64).reshape(-1, 3)


def _places(lines: list[bytes], kind: str) -> _Places:
    if kind == ".off":
        return _Places(_places_of_off(lines), [])
    found = []
    for begins in WORDS[kind]:
        of_words = re.compile(rb"\s*" + rb"\s+".join(begins) + rb"\s", re.IGNORECASE)
        count = len(begins)
        found.append([(n, count) for n, line in enumerate(lines) if of_words.match(line)])
    return _Places(*found)


def _places_of_off(lines: list[bytes]) -> list[tuple[int, int]]:
    """Positions after the header and the counts, which may share a line, `OFF490 518 0`."""
    said = [(n, line.split(b"#")[0].strip()) for n, line in enumerate(lines)]
    said = [(n, text) for n, text in said if text]
    head = said[0][1] if said else b""
    if not head.startswith((b"OFF", b"COFF")):
        raise ValueError(f"begins with {head[:20]!r}, OFF or COFF is wanted")
    counts = head.removeprefix(b"C").removeprefix(b"OFF") or said[1][1]
    start = 1 if head not in (b"OFF", b"COFF") else 2
    return [(n, 0) for n, _ in said[start : start + int(counts.split()[0])]]
