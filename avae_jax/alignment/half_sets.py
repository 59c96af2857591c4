"""Two halves of a stack aligned apart: what their averages have in common no noise can share.

Halves that are aligned to one average agree on its noise as well, so that their correlation is too
high (Scheres and Chen, Nat. Methods 2012).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment

from avae_jax.core.errors import InputError
from avae_jax.evaluation.pose_metrics import mean_pose, pose_errors
from avae_jax.inference.averaging import ClassAlignment

MEMBERS = 4  # examples a class, at least: two in each half
NEAR = 20.0  # degrees within which two alignments agree on an example


class Halves(NamedTuple):
    """Every second example, as it was found among its own half.

    Attributes:
      poses: carry each example to the pose of the whole stack's averages, `[N, d + 1, d + 1]`.
      classes: numbers of the whole stack's averages, from 1, `[N]`.
    """

    poses: np.ndarray
    classes: np.ndarray


def require_halves(count: int, classes: int) -> None:
    """Checks that halves of `count` examples can have so many classes, before any search.

    Raises:
      InputError: they have too few examples.
    """
    if count < MEMBERS * classes:
        raise InputError(
            f"--halves apart: {count} examples for up to {classes} class averages; wanted "
            f"{MEMBERS * classes} or more, or fewer --classes"
        )


def aligned_apart(
    examples: np.ndarray,
    whole: ClassAlignment,
    search: Callable[[np.ndarray, int, int], ClassAlignment],
    *,
    seed: int,
) -> Halves:
    """Halves of examples `[N, *S, C]` aligned apart, each laid on what the whole stack gave.

    Args:
      search: `(examples, seed, number of classes)` to their alignment.
    """
    count, number = len(examples), len(whole.averages)
    poses, classes = np.empty(whole.poses.shape), np.empty(count, int)
    for half in range(2):
        mine = np.arange(half, count, 2)
        own = search(examples[mine], seed + 1 + half, number)
        poses[mine], classes[mine] = laid(
            own.poses, own.classes, whole.poses[mine], whole.classes[mine], number
        )
    return Halves(poses, classes + 1)


def laid(
    poses: np.ndarray,
    classes: np.ndarray,
    target: np.ndarray,
    target_classes: np.ndarray,
    number: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Poses and classes of one alignment in the frame and the numbers of another one.

    One transform is taken for each class: the mean of what carries the poses of its examples to
    those of the other alignment, of the examples on which both agree. Averages are not compared.
    """
    table = np.zeros((number, number))
    np.add.at(table, (classes, target_classes), 1)
    own, other = linear_sum_assignment(-table)
    names = np.empty(number, int)
    names[own] = other
    moved = np.empty(poses.shape)
    for k in np.unique(classes):
        mine = classes == k
        both = mine & (target_classes == names[k])
        both = both if both.any() else mine
        moved[mine] = _agreed(target[both] @ np.linalg.inv(poses[both])) @ poses[mine]
    return moved, names[classes]


def _agreed(turns: np.ndarray) -> np.ndarray:
    """The mean of transforms `[n, d + 1, d + 1]` without those far from the most crowded one."""
    some = turns[:: max(1, len(turns) // 200)]
    near = [
        (pose_errors(some, np.broadcast_to(one, some.shape)).degrees < NEAR).sum() for one in some
    ]
    middle = some[int(np.argmax(near))]
    for _ in range(2):
        close = pose_errors(turns, np.broadcast_to(middle, turns.shape)).degrees < NEAR
        middle = mean_pose(turns[close]) if close.any() else middle
    return middle
