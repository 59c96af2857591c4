"""How far the found poses of each label agree, for the summary and the report."""

import numpy as np

from avae_jax import report
from avae_jax.evaluation import pose_metrics
from avae_jax.evaluation.held_out import HeldOutResult
from avae_jax.evaluation.task import Task
from avae_jax.inference.ambiguity import DOUBTFUL
from avae_jax.inference.search import SearchResult
from avae_jax.report.settled import NEAR, OPPOSITE

MOST = 256  # poses that are tried as the most common one


def agreement(task: Task, measured: HeldOutResult) -> report.Agreement | None:
    """Agreement by label; `None` where nothing says that poses should agree."""
    group = task.avae.group
    if not (task.options.one_pose and group.has("rotation")):
        return None
    moved = measured.found @ measured.applied
    degrees = pose_metrics.pose_errors(moved, measured.target).degrees
    alike = alike_turned(measured.result)
    labels = [
        _label(int(label), degrees[members], moved[members], alike[members])
        for label in np.unique(measured.labels)
        for members in [measured.labels == label]
    ]
    return report.Agreement(degrees, tuple(labels), group.d)


def _label(
    label: int, degrees: np.ndarray, moved: np.ndarray, alike: np.ndarray
) -> report.LabelAgreement:
    away = from_most_common(moved)
    half = float((away >= OPPOSITE).mean())
    return report.LabelAgreement(
        label,
        len(degrees),
        float((degrees < NEAR).mean()),
        half,
        pose_metrics.resultant_length(moved, np.zeros(len(moved), int)),
        two_poses=float((away < NEAR).mean()) + half,
        alike=float(alike.mean()),
    )


def from_most_common(poses: np.ndarray) -> np.ndarray:
    """Degrees `[n]` from the pose that has most poses near it.

    The mean of two poses half a turn apart is neither of them, so it would not show both.

    Args:
      poses: `[n, d + 1, d + 1]`, of one label.
    """
    tried = poses[np.linspace(0, len(poses) - 1, min(len(poses), MOST)).round().astype(int)]
    degrees = _between(tried[:, None], poses[None])
    return degrees[(degrees < NEAR).sum(axis=1).argmax()]


def alike_turned(found: SearchResult) -> np.ndarray:
    """Examples `[n]` that a pose half a turn from the found one explains nearly as well."""
    turned = _between(found.pose[:, None], found.candidates) >= OPPOSITE
    behind = found.candidate_losses - found.candidate_losses[:, :1]
    return (turned & (behind < DOUBTFUL)).any(axis=1)


def _between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Degrees between the rotations of poses that broadcast against each other."""
    d = a.shape[-1] - 1
    a, b = (pose_metrics.orthogonal_part(pose[..., :d, :d]) for pose in (a, b))
    trace = np.einsum("...ij,...ij", a, b)
    return np.degrees(np.arccos(np.clip((trace + 2 - d) / 2, -1, 1)))
