"""Chunks of a stack: poses, moved examples and codes, saved to disk every few seconds."""

import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from avae_jax.alignment import programs as step
from avae_jax.alignment.calibration import simulated
from avae_jax.alignment.job import Work
from avae_jax.alignment.levels import Levels, drawn, lowered, raised
from avae_jax.alignment.model_frame import Framing, own_poses, shown
from avae_jax.alignment.output_dir import Output
from avae_jax.alignment.row_store import Rows
from avae_jax.core import sharding
from avae_jax.core.batches import filled
from avae_jax.core.progress import progress_bar
from avae_jax.data.formats import blocks
from avae_jax.data.intensity import constant_examples
from avae_jax.data.missing import hidden, marked, plain
from avae_jax.inference.ambiguity import is_ambiguous
from avae_jax.inference.calibration import Calibration
from avae_jax.inference.setup import stream
from avae_jax.inference.uncertainty import Uncertainty
from avae_jax.transform.frame import Frame

# Time between saves from which an interrupted alignment can continue: disks may be slow.
SECONDS = 5.0
# What makes the rows of a chunk, see `compiled`.
RowsOf = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]


def compute(work: Work, columns: Mapping[str, Rows], output: Output | None = None) -> RowsOf:
    """Poses and moves the examples that are left, and takes note of how far it is.

    Args:
      output: where that is noted; `None` for rows in memory.

    Returns:
      What makes the rows of a chunk, see `compiled`.
    """
    count, saved = work.stack.shape[0], -math.inf
    # More than there are is no number that was noted here.
    done = output.done if output and output.done <= count else 0
    rows_of = compiled(work)
    with progress_bar(total=count, initial=done, desc="aligning", unit="example") as bar:
        for start, stop in blocks(count, work.batch):
            if stop <= done:
                continue
            rows = rows_of(work.stack.raw(start, stop), np.arange(start, stop))
            for name, column in columns.items():
                column.write(start, rows[name].reshape(-1, *column.shape[1:]))
            if output and (stop == count or time.monotonic() - saved > SECONDS):
                save(columns, output, stop)
                saved = time.monotonic()
            bar.update(stop - start)
    return rows_of


def save(columns: Mapping[str, Rows], output: Output, done: int) -> None:
    """Makes sure that the rows are on disk before it is said that they are."""
    for column in columns.values():
        column.sync()
    output.done = done


def compiled(work: Work) -> RowsOf:
    """`(raw [n, *S, C], index [n]) -> rows`, with programs for chunks of one size."""
    trained, seen, size, avae = work.trained, work.seen, work.batch, work.trained.avae
    key = stream(work.options, "test")
    given = sharding.replicated({"params": trained.params, "bank": trained.bank, "key": key})
    into, dtype = np.asarray(seen.into, np.float32), work.stack.dtype
    find, move, bring_back = programs(work)
    moved = _mover(work, move)

    def seek(x: np.ndarray, numbers: np.ndarray, how: Calibration | None) -> step.Found:
        index = sharding.split(numbers.astype(np.int32))
        return find(**given, x=sharding.split(x), index=index, calibration=how)

    how = work.calibration
    if work.uncertain and how is None:
        # The same program, of which the calibrated part is not looked at.
        how = simulated(work, lambda x, index: seek(x, index, Calibration()).stated)

    def rows_of(raw: np.ndarray, index: np.ndarray) -> dict[str, np.ndarray]:
        full, numbers = filled(raw, size), filled(index, size)
        if work.known is None:
            found = seek(shown(full, seen), numbers, how)
        else:
            found = work.known.found(numbers)
        poses = own_poses(np.asarray(found.pose), seen)
        gone, levels, bare = _without_missing(full, seen)
        rows = {
            "aligned": moved(levels, bare, poses),
            "poses": poses,
            "losses": np.stack([found.before, found.after, found.gap], axis=1),
            "doubtful": doubtful(found, full if gone is None else bare),
            "latents": found.mu,
        }
        if found.known is not None:
            rows["uncertainty"] = uncertain(found.known, seen.own)
        if work.reconstructions:
            objects = found.canonical if work.known is None else sharding.split(found.canonical)
            brought = bring_back(drawn=objects, into=into, fill=avae.fill)
            rows["drawn"] = drawn(np.asarray(brought), seen, dtype)
        return {name: np.asarray(values)[: len(raw)] for name, values in rows.items()}

    return rows_of


def moved_by(work: Work, poses: np.ndarray) -> Iterator[np.ndarray]:
    """All examples, block by block, moved by poses `[N, d + 1, d + 1]` of the model's frame."""
    _, move, _ = programs(work)
    moved, size, seen = _mover(work, move), work.batch, work.seen
    for start, stop in blocks(work.stack.shape[0], size):
        full = filled(work.stack.raw(start, stop), size)
        _, levels, bare = _without_missing(full, seen)
        own = own_poses(filled(poses[start:stop], size), seen)
        yield moved(levels, bare, own)[: stop - start]


def _without_missing(
    raw: np.ndarray, seen: Framing
) -> tuple[np.ndarray | None, Levels, np.ndarray]:
    """Which values were not observed, levels of the others, and these with NaN for the rest."""
    gone = hidden(raw, seen.missing)
    levels = lowered(plain(raw, gone), seen)
    return gone, levels, marked(levels.values, gone)


def _mover(work: Work, move: Callable) -> Callable[[Levels, np.ndarray, np.ndarray], np.ndarray]:
    """`(levels, their values with NaN [n, *S, C], poses of the stack's frame) -> raw values`."""

    def moved(levels: Levels, bare: np.ndarray, poses: np.ndarray) -> np.ndarray:
        made = move(
            raw=sharding.split(bare),
            poses=sharding.split(poses.astype(np.float32)),
            fill=sharding.split(levels.fill),
        )
        return raised(np.asarray(made), levels, work.stack.dtype, missing=work.seen.missing)

    return moved


def uncertain(known: Uncertainty, own: Frame) -> np.ndarray:
    """Deviations in degrees and in pixels of the stack, and `elsewhere`, `[n, 3]`."""
    # The unit of either frame is half its longest side.
    pixels = np.asarray(known.shift) * own.unit / float(np.mean(own.spacing))
    return np.stack([known.degrees, pixels, known.elsewhere], axis=1)


def doubtful(found: step.Found, values: np.ndarray) -> np.ndarray:
    """Whether the pose of each example of a chunk is doubtful, bool `[n]`.

    Args:
        values: `[n, *S, C]`, NaN where a pixel was not observed.
    """
    return is_ambiguous(
        np.asarray(found.gap),
        nonfinite=np.asarray(found.nonfinite),
        constant=constant_examples(values),
    )


def programs(work: Work) -> tuple[Callable, Callable, Callable]:
    """`step.find`, `move` and `bring_back` of chunks that the devices share."""
    avae = work.trained.avae
    how = {"own": work.seen.own, "interpolation": avae.interpolation}
    find = functools.partial(step.find, avae=avae, search=work.search, uncertain=work.uncertain)
    move = functools.partial(step.move, **how, masked=avae.masked)
    bring_back = functools.partial(step.bring_back, source=avae.inner, **how)
    return (
        sharding.examples(find, whole=("params", "key", "bank", "calibration"), searches=True),
        sharding.examples(move),
        sharding.examples(bring_back, whole=("into", "fill")),
    )
