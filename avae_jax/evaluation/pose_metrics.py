"""Agreement of estimated poses under an unknown canonical pose.

With `applied` the pose of an object and `found` the pose that carries its observation to
the canonical frame, `E = found . applied` carries the upright object there. Objects of
one label should share one E; deviations from their mean are errors. Host side, numpy.
"""

import math
from typing import NamedTuple

import numpy as np


def orthogonal_part(linear: np.ndarray) -> np.ndarray:
    """The orthogonal matrix nearest to `[..., d, d]` (polar factor; keeps mirror images)."""
    u, _, vt = np.linalg.svd(linear)
    return u @ vt


def mean_pose(poses: np.ndarray) -> np.ndarray:
    """Mean `[d + 1, d + 1]` of poses `[n, d + 1, d + 1]`.

    The mean rotation is the rotation nearest to the mean matrix. The rest of the linear part
    and the shift are averaged entry by entry.
    """
    d = poses.shape[-1] - 1
    linear = poses[:, :d, :d]
    rotations = orthogonal_part(linear)
    rotation = orthogonal_part(rotations.mean(0))
    stretch = (np.swapaxes(rotations, -1, -2) @ linear).mean(0)
    mean = np.eye(d + 1)
    mean[:d, :d] = rotation @ stretch
    mean[:d, d] = poses[:, :d, d].mean(0)
    return mean


def label_means(poses: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean E of each example's label, estimated on OTHER examples, `[n, d + 1, d + 1]`.

    The examples of each label are split alternately into two halves; each half takes the means
    of the other. A label with one example takes the mean of all other examples.
    """
    means = np.empty(poses.shape)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        for half in (members[::2], members[1::2]):
            others = np.setdiff1d(members, half)
            if not others.size:
                others = np.setdiff1d(np.arange(len(labels)), half)
            if not others.size:
                others = half
            means[half] = mean_pose(poses[others])
    return means


class PoseErrors(NamedTuple):
    """Distances of E from the mean of its label.

    Attributes:
      degrees: `[n]`, angle between the rotations.
      shift: `[n]`, distance between the shifts, as a share of the longest side.
    """

    degrees: np.ndarray
    shift: np.ndarray


def pose_errors(poses: np.ndarray, means: np.ndarray) -> PoseErrors:
    """Errors of poses `[n, d + 1, d + 1]` from their means."""
    d = poses.shape[-1] - 1
    turned, mean = (orthogonal_part(p[:, :d, :d]) for p in (poses, means))
    chord = np.sqrt(((turned - mean) ** 2).sum((-2, -1)))
    degrees = np.degrees(2 * np.arcsin(np.clip(chord / (2 * math.sqrt(2)), 0, 1)))
    # Two coordinates are the longest side.
    return PoseErrors(degrees, np.linalg.norm(poses[:, :d, d] - means[:, :d, d], axis=-1) / 2)


def resultant_length(poses: np.ndarray, labels: np.ndarray) -> float:
    """Concentration of the rotations of E: 1 if each label has one rotation, 0 if uniform.

    Count-weighted mean over labels of the norm of the mean rotation over sqrt(d).
    """
    return float(resultant_parts(poses, labels).mean())


def resultant_parts(poses: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What each example adds to the resultant length, which is their mean: `[n]`, from -1 to 1.

    The cosine between the rotation of E and the mean rotation of its label.
    """
    d = poses.shape[-1] - 1
    rotations = orthogonal_part(poses[:, :d, :d])
    parts = np.zeros(len(poses))
    for label in np.unique(labels):
        members = labels == label
        mean = rotations[members].mean(0)
        along = np.einsum("nij,ij->n", rotations[members], mean)
        parts[members] = along / max(np.linalg.norm(mean) * math.sqrt(d), 1e-12)
    return parts


def plane_angle(poses: np.ndarray) -> np.ndarray:
    """Angle in degrees, in (-180, 180], of the rotation of 2-D poses `[n, 3, 3]`."""
    turned = orthogonal_part(poses[:, :2, :2])
    return np.degrees(np.arctan2(turned[:, 1, 0], turned[:, 0, 0]))


def quarter_turn(poses: np.ndarray) -> float:
    """|mean exp(4 i angle)| of 2-D poses: near 1 if they favour one angle modulo 90 degrees."""
    return float(np.abs(np.exp(4j * np.radians(plane_angle(poses))).mean()))
