"""How well the poses of an alignment agree with themselves, without knowing the truth.

A quarter turn of an example needs no interpolation, so that its pose is to be found a quarter turn
on. Whatever differs is the error of the search.
"""

import numpy as np

from avae_jax.alignment.compute import RowsOf
from avae_jax.alignment.job import Work
from avae_jax.alignment.row_store import Rows
from avae_jax.evaluation.pose_metrics import orthogonal_part
from avae_jax.inference.averaging.consistency import JUMP, Consistency, consistency

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])  # of the first two axes
RUNS = 8  # ranges of a long stack


def quarter_turns(work: Work, rows_of: RowsOf, poses: Rows) -> Consistency | None:
    """Searches a chunk of the examples again, turned by a quarter in the plane of the first axes.

    Args:
      rows_of: of `compute`.
      poses: of all examples, in the frame of the stack.

    Returns:
      `None` where it says nothing: poses do not rotate freely, or a turn does not fit the frame.
    """
    stack, avae, own = work.stack, work.trained.avae, work.seen.own
    rotates = avae.group.has("rotation") and avae.ranges.rotation >= 180
    square = own.shape[0] == own.shape[1] and own.spacing[0] == own.spacing[1]
    if work.known or stack.move or not (rotates and square):
        return None
    some = runs(stack.shape[0], work.batch)
    raw = np.concatenate([stack.raw(*run) for run in some])
    index = np.concatenate([np.arange(*run) for run in some])
    turned = rows_of(np.ascontiguousarray(np.rot90(raw, axes=(1, 2))), index)["poses"]
    return agreement(turned, np.concatenate([poses.read(*run) for run in some]))


def runs(count: int, most: int) -> list[tuple[int, int]]:
    """Ranges of at most `most` of `count` examples, spread evenly.

    They are few: to read one example of a compressed file may take as long as to read all.
    """
    if count <= most:
        return [(0, count)]
    number = min(RUNS, most)
    length = most // number
    starts = np.linspace(0, count - length, number).round().astype(int).tolist()
    return [(start, start + length) for start in starts]


def agreement(turned: np.ndarray, poses: np.ndarray) -> Consistency:
    """How far poses of turned examples are from those of the examples, a quarter turn on.

    Args:
      turned, poses: `[n, d + 1, d + 1]`, carry the examples to the canonical pose.
    """
    d = poses.shape[-1] - 1
    turn = np.eye(d + 1)
    turn[:2, :2] = TURN
    between = (turned @ turn @ np.linalg.inv(poses))[:, :d, :d]
    rotations = orthogonal_part(between)
    # Of a rotation about any axis; a mirror image is no rotation, and as far off as can be.
    cosine = (np.trace(rotations, axis1=1, axis2=2) - (d - 2)) / 2
    degrees = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return consistency(np.where(np.linalg.det(rotations) > 0, degrees, 180.0))


def told(found: Consistency | None) -> dict[str, float]:
    """Says what a quarter turn changes, where that was tried, and returns it by name."""
    if found is None:
        return {}
    print(
        f"{found.examples:,} examples turned by 90 degrees: found 90 degrees on to "
        f"{found.median_deg:.2g} degrees (median), {found.jumps:.1%} more than {JUMP:g} degrees off"
    )
    return {
        "quarter_turn_median_deg": found.median_deg,
        "quarter_turn_jumps": found.jumps,
        "quarter_turn_examples": found.examples,
    }
