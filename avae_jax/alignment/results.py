"""Results of an alignment: the stack in its own format, tables, contact sheet."""

import itertools
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.alignment import (
    averages,
    contact_sheet,
    page,
    pose_table,
    relion_star,
    written_files,
)
from avae_jax.alignment.compute import moved_by
from avae_jax.alignment.example_map import example_map
from avae_jax.alignment.examples import class_averages, shown_examples
from avae_jax.alignment.job import Work
from avae_jax.alignment.model_frame import moves_centre
from avae_jax.alignment.output_dir import LOCK, RESULT, UNFINISHED, Output
from avae_jax.alignment.row_store import Column, Rows
from avae_jax.alignment.stack_statistics import mean_of, piece
from avae_jax.core.errors import InputError
from avae_jax.data.formats import Stack, blocks
from avae_jax.data.missing import hidden
from avae_jax.training.workdir import MODEL

TABLE, LATENTS, SHEET, DRAWN = "poses.csv", "latents.npy", "sheet.png", "reconstructions"
LINES = 4096  # of a table, computed at once


def names_of(stack: Stack, *, reconstructions: bool, averaged: bool = False) -> tuple[str, ...]:
    """Names of the results, relative to the output directory; the aligned stack may be a folder.

    Args:
      averaged: class averages find the poses, and are results too.

    Raises:
      InputError: the name of the stack is the name of another result, or not valid for a file.
    """
    name = stack.result_name
    if not written_files.is_inside(name):
        raise InputError(f"{stack.path}: no name that the result could have; name another folder")
    others = (
        TABLE,
        relion_star.NAME,
        LATENTS,
        SHEET,
        *page.NAMES,
        DRAWN,
        RESULT,
        UNFINISHED,
        LOCK,
        MODEL,
    )
    others += (written_files.NAME, averages.NPY, averages.MRC, averages.CLASSES, averages.FRC)
    others += (averages.MRC_VOLUMES, averages.FSC)
    if name.lower() in others:
        raise InputError(f"{stack.path}: {name} is the name of another result; rename the input")
    names = (name, TABLE, *([relion_star.NAME] if relion_star.fits(stack) else ()), LATENTS)
    names += (SHEET, *page.NAMES)
    names += averages.names_of(stack) if averaged else ()
    # Decoded objects are volumes, also of meshes.
    drawn = name + (".npy" if stack.move else "")
    return (*names, f"{DRAWN}/{drawn}") if reconstructions else names


def files_of(stack: Stack, names: Iterable[str]) -> tuple[str, ...]:
    """Every file of the results `names`, including each file of a folder."""
    folders = {stack.path.name, f"{DRAWN}/{stack.path.name}"} if stack.path.is_dir() else set()
    files = [
        [f"{name}/{key}" for key in stack.keys] if name in folders else [name] for name in names
    ]
    return tuple(itertools.chain.from_iterable(files))


def finish(
    work: Work,
    columns: dict[str, Column],
    output: Output,
    names: tuple[str, ...],
    numbers: dict[str, float],
) -> None:
    """Writes the results: the tables first, so that they exist even if the stack cannot be written.

    Args:
      numbers: further ones of the whole alignment.

    Raises:
      InputError: the stack cannot be written in its format.
    """
    print("writing", flush=True)
    count, folder, result = work.stack.shape[0], output.results(), _result(columns)
    result |= (work.known.numbers if work.known else {}) | numbers
    pose_table.write(folder / TABLE, table_blocks(work, columns))
    if relion_star.NAME in names:
        relion_star.write(folder / relion_star.NAME, work.stack, _star_blocks(work, columns))
    shutil.copyfile(columns["latents"].path, folder / LATENTS)
    sections = shown_examples(work, columns, _mean(work, columns))
    if "class" in _known(work):
        found = _averages(work, columns)
        averages.write(folder, work.stack, found)
        sections = (sections[0], class_averages(found.mean, found.members, work), *sections[1:])
    _draw(work, sections, result, folder / SHEET)
    atlas = example_map(work, columns)
    page.write(folder, work, sections, table_blocks(work, columns), result, atlas)
    output.publish()
    try:
        _write_images(work, columns, folder, names)
    except InputError as error:
        raise InputError(f"{error}; {output.folder} holds the tables of poses and codes") from error
    output.finish(result)
    print(
        f"aligned {count:,} examples: mean loss {result['loss_before_nats']:.1f} nats before, "
        f"{result['loss_after_nats']:.1f} after; {result['doubtful']:,} doubtful"
    )
    avae = work.trained.avae
    for note in relion_star.notes(work.stack, avae.group, reflect=avae.ranges.reflect):
        print(note)
    print(f"{output.folder}: {', '.join(names)}")


def _averages(work: Work, columns: dict[str, Column]) -> averages.Averages:
    """Averages of the classes, and of their halves, which may have been aligned apart."""
    how = {"shape": work.stack.example, "missing": work.seen.missing}
    classes, aligned = _known(work)["class"], _parts(work, columns["aligned"])
    found = averages.averages(aligned, classes, **how)
    halves = work.known and work.known.halves
    if not halves:
        return found
    parts = moved_by(work, halves.poses)
    own = averages.averages(parts, halves.classes, **how, apart=True, number=len(found.members))
    return found._replace(halves=own.halves)


def _write_images(
    work: Work, columns: dict[str, Column], folder: Path, names: tuple[str, ...]
) -> None:
    """Writes the aligned stack and, on request, the decoded objects."""
    stack = work.stack
    if stack.move:
        ranges = blocks(stack.shape[0], LINES)
        poses = (pose for block in ranges for pose in columns["poses"].read(*block))
        stack.move(folder / names[0], poses)
    else:
        stack.write(folder / names[0], _parts(work, columns["aligned"]))
    if "drawn" in columns:
        (folder / DRAWN).mkdir(exist_ok=True)
        stack.write(folder / names[-1], _parts(work, columns["drawn"]))


def _mean(work: Work, columns: dict[str, Column]) -> np.ndarray:
    """The mean of the aligned examples."""
    total, seen = np.zeros(work.stack.shape[1:]), np.zeros(work.stack.shape[1:], int)
    for part in _parts(work, columns["aligned"]):
        gone = hidden(part, work.seen.missing)
        seen += len(part) if gone is None else (~gone).sum(0)
        total += (part if gone is None else np.where(gone, 0, part)).sum(0, dtype=np.float64)
    return mean_of(total, seen)


def _parts(work: Work, column: Column) -> Iterator[np.ndarray]:
    for start, stop in blocks(work.stack.shape[0], piece(work.stack)):
        yield column.read(start, stop)


def table_blocks(work: Work, columns: Mapping[str, Rows]) -> Iterator[dict[str, Any]]:
    """The lines of the table, block by block."""
    avae, seen = work.trained.avae, work.seen
    kinds = pose_table.kinds_of(
        avae.group, reflect=avae.ranges.reflect, off_centre=moves_centre(seen)
    )
    for start, stop in blocks(work.stack.shape[0], LINES):
        losses = columns["losses"].read(start, stop)
        yield {
            "index": range(start, stop),
            "name": [work.stack.key(index) for index in range(start, stop)],
            **pose_table.columns(columns["poses"].read(start, stop), seen.own, kinds),
            **{name: losses[:, i] for i, name in enumerate(pose_table.NUMBERS)},
            "doubtful": columns["doubtful"].read(start, stop),
            **_uncertain(work, columns, start, stop),
            **{name: column[start:stop] for name, column in _known(work).items()},
        }


def _uncertain(
    work: Work, columns: Mapping[str, Rows], start: int, stop: int
) -> dict[str, np.ndarray]:
    """The columns of the uncertainty that the family can have."""
    if "uncertainty" not in columns:
        return {}
    has, rows = work.trained.avae.group.has, columns["uncertainty"].read(start, stop)
    present = has("rotation"), has("shift"), True
    names = zip(pose_table.UNCERTAIN, rows.T, present, strict=True)
    return {name: column for name, column, wanted in names if wanted}


def _known(work: Work) -> dict[str, np.ndarray]:
    """Further columns of the table, `[N]` each."""
    return work.known.columns if work.known else {}


def _star_blocks(work: Work, columns: dict[str, Column]) -> Iterator[dict[str, np.ndarray]]:
    """The rows of RELION's table, block by block."""
    size = relion_star.pixel_size(work.stack)
    for start, stop in blocks(work.stack.shape[0], LINES):
        poses = columns["poses"].read(start, stop)
        found = relion_star.columns(poses, work.seen.own, angstrom=size)
        if "class" in _known(work):
            found[relion_star.CLASS] = _known(work)["class"][start:stop]
        yield found


def _result(columns: dict[str, Column]) -> dict[str, Any]:
    """The numbers of an alignment."""
    count, doubtful, sums = columns["losses"].shape[0], 0, np.zeros(2)
    for start, stop in blocks(count, LINES):
        sums += columns["losses"].read(start, stop)[:, :2].sum(0, dtype=np.float64)
        doubtful += int(columns["doubtful"].read(start, stop).sum())
    before, after = (sums / count).tolist()
    return {
        "examples": count,
        "loss_before_nats": before,
        "loss_after_nats": after,
        "doubtful": doubtful,
    }


def _draw(
    work: Work, sections: tuple[contact_sheet.Section, ...], result: dict[str, Any], path: Path
) -> None:
    """The contact sheet."""
    notes = (
        f"Loss {result['loss_before_nats']:.1f} nats before and {result['loss_after_nats']:.1f} "
        f"after, on average. {result['doubtful']:,} of {result['examples']:,} examples are "
        "doubtful (red).",
        "Below each: the original pose of the object; its loss before > after; the gap to the "
        "next best pose, in nats.",
    )
    contact_sheet.save(path, f"{work.stack.path.name}: original and aligned", notes, sections)
