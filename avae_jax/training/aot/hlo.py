"""Operations and transfers of a compiled program, read from its text."""

import math
import re
from typing import NamedTuple

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
BYTES = {"pred": 1, "s8": 1, "u8": 1, "bf16": 2, "f16": 2, "s32": 4, "u32": 4, "f32": 4}
# The gathers of a resampler read many short rows; other gathers read few rows (starts, kept
# candidates) or long ones (examples, poses).
ROWS, NUMBERS = 256, 8


class Collective(NamedTuple):
    """Data that crosses chips once in a step."""

    kind: str
    bytes: int


def collectives(text: str) -> list[Collective]:
    """The collectives of a program, largest first; `text` is HLO."""
    found = {}
    for number, line in enumerate(text.splitlines()):
        match = re.search(rf"= (.+?) ({'|'.join(KINDS)})(-start)?\(", line)
        if match:
            one = Collective(match.group(2), _bytes(match.group(1)))
            # Copies of one collective in several branches share channel and size; unrelated
            # sums may share the channel only.
            channel = re.search(r"channel_id=(\d+)", line)
            found[channel.group(1) if channel else f"line {number}", one] = one
    return sorted(found.values(), key=lambda one: -one.bytes)


def lowered_collectives(text: str) -> list[Collective]:
    """The collectives of StableHLO, before a compiler merges reductions."""
    kinds = "|".join(kind.replace("-", "_") for kind in KINDS)
    found = []
    for part in re.split(rf'"?stablehlo\.(?=(?:{kinds})\b)', text)[1:]:
        kind = re.match(kinds, part)
        result = re.search(r"-> tensor<([^>]*)>", part)
        *sides, dtype = result.group(1).split("x")
        size = math.prod(map(int, sides)) * int(re.search(r"\d+", dtype).group()) // 8
        found.append(Collective(kind.group().replace("_", "-"), size))
    return sorted(found, key=lambda one: -one.bytes)


def pixel_gathers(text: str) -> int:
    """Number of instructions that read single pixels from memory, like `resample.gather`."""
    found = re.findall(r"= \w+\[([\d,]*)\]\S* gather\(.*?slice_sizes=\{([\d,]*)\}", text)
    sizes = ((_count(result), _count(row)) for result, row in found)
    return sum(row <= NUMBERS and result >= ROWS * row for result, row in sizes)


def _count(sides: str) -> int:
    """The product of comma-separated numbers."""
    return math.prod(int(n) for n in sides.split(",") if n)


def _bytes(shapes: str) -> int:
    arrays = re.findall(r"\b([a-z]+\d*)\[([\d,]*)\]", shapes)
    return sum(BYTES.get(dtype, 4) * _count(sides) for dtype, sides in arrays)
