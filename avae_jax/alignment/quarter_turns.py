"""How well the poses of an alignment agree with themselves, without knowing the truth.

A quarter turn of an example needs no interpolation, so that its pose is to be found a quarter turn
on. Whatever differs is the error of the search.
"""

from collections.abc import Callable

import numpy as np

from avae_jax.alignment.job import Work
from avae_jax.alignment.row_store import Rows
from avae_jax.evaluation.pose_metrics import orthogonal_part
from avae_jax.inference.averaging.consistency import JUMP, Consistency

TURN = np.array([[0.0, -1.0], [1.0, 0.0]])  # of the first two axes


def quarter_turns(
    work: Work, rows_of: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]], poses: Rows
) -> Consistency | None:
    """Searches a chunk of the examples again, turned by a quarter in the plane of the first axes.

    Args:
      rows_of: of `compute.compiled`.
      poses: of all examples, in the frame of the stack.

    Returns:
      `None` where it says nothing: poses do not rotate freely, or a turn does not fit the frame.
    """
    stack, avae, own = work.stack, work.trained.avae, work.seen.own
    rotates = avae.group.has("rotation") and avae.ranges.rotation >= 180
    square = own.shape[0] == own.shape[1] and own.spacing[0] == own.spacing[1]
    if work.known or stack.move or not (rotates and square):
        return None
    count = min(stack.shape[0], work.batch)
    some = np.linspace(0, stack.shape[0] - 1, count).round().astype(int)
    raw = np.concatenate([stack.raw(index, index + 1) for index in some])
    turned = rows_of(np.ascontiguousarray(np.rot90(raw, axes=(1, 2))), some)["poses"]
    before = np.concatenate([poses.read(index, index + 1) for index in some])
    return agreement(turned, before)


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
    degrees = np.where(np.linalg.det(rotations) > 0, degrees, 180.0)
    return Consistency(len(poses), float(np.median(degrees)), float((degrees > JUMP).mean()))


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
