"""Poses as words and numbers with units."""

from collections.abc import Collection

import numpy as np
from scipy.spatial.transform import Rotation

from avae_jax.transform.families import AXES, GENERATORS, Family
from avae_jax.transform.frame import Frame
from avae_jax.transform.matrices import factorise, rotation_angle


def parameters(pose: np.ndarray, group: Family, frame: Frame) -> dict[str, float]:
    """The parameters of one pose `[d + 1, d + 1]` that the family can change, see `table`."""
    kinds = [kind for kind in GENERATORS if group.has(kind)]
    return {name: float(column[0]) for name, column in table(pose[None], frame, kinds).items()}


def table(poses: np.ndarray, frame: Frame, kinds: Collection[str]) -> dict[str, np.ndarray]:
    """The parameters of poses `[n, d + 1, d + 1]`, one column `[n]` each.

    Args:
      kinds: the wanted kinds of `GENERATORS`.

    Returns:
      Values by name and unit: `rotation_deg` in (-180, 180] in 2-D, the angle in [0, 180]
      in 3-D; `shift_x_px`; `scale_x`; `shear_yx`. A pose is the product
      shift . rotation . shear . scale, the scale acting first.
    """
    factors = factorise(np.asarray(poses, np.float32))
    axes = AXES[frame.d]
    pairs = [axes[i] + axes[j] for i, j in zip(*np.triu_indices(frame.d, 1), strict=True)]
    values = {
        "rotation": (_degrees(np.asarray(factors.rotation))[:, None], [""]),
        "shift": (np.asarray(factors.shift) * frame.unit / np.asarray(frame.spacing), axes),
        "scale": (np.asarray(factors.scale), axes),
        "shear": (np.asarray(factors.shear), pairs),
    }
    found: dict[str, np.ndarray] = {}
    for kind in (name for name in GENERATORS if name in kinds):
        for column, place in zip(values[kind][0].T, values[kind][1], strict=True):
            found[GENERATORS[kind].column.format(place)] = column
    return found


def _degrees(rotations: np.ndarray) -> np.ndarray:
    if rotations.shape[-1] == 2:
        return np.degrees(np.arctan2(rotations[:, 1, 0], rotations[:, 0, 0]))
    return np.degrees(np.asarray(rotation_angle(rotations)))


def quaternions(poses: np.ndarray) -> dict[str, np.ndarray]:
    """The rotations of poses `[n, 4, 4]` as unit quaternions: columns `quaternion_x` to `_w`.

    They act on points written (x, y, z), where x is the last array axis:
    `scipy.spatial.transform.Rotation.from_quat([x, y, z, w])` takes them. w is never negative.
    """
    rotations = np.asarray(factorise(np.asarray(poses, np.float32)).rotation)
    # Scipy reads the components in the order of the axes, which are z, y, x in an array.
    turned = Rotation.from_matrix(rotations[:, ::-1, ::-1]).as_quat(canonical=True)
    return {f"quaternion_{name}": turned[:, i] for i, name in enumerate("xyzw")}


def sentence(pose: np.ndarray, group: Family, frame: Frame) -> str:
    """One short line, for example `-37 deg, shift +1.2 -0.4 px`."""
    return sentences(pose[None], group, frame)[0]


def sentences(poses: np.ndarray, group: Family, frame: Frame) -> tuple[str, ...]:
    """The same for poses `[n, d + 1, d + 1]`, which takes hardly longer than one."""
    found = table(poses, frame, [kind for kind in GENERATORS if group.has(kind)])
    return tuple(
        _words({column: float(values[row]) for column, values in found.items()}, group)
        for row in range(len(poses))
    )


def _words(found: dict[str, float], group: Family) -> str:
    parts = []
    for name, kind in GENERATORS.items():
        numbers = [value for column, value in found.items() if column.startswith(name)]
        # An angle in space has no sign.
        number = ".0f" if name == "rotation" and group.d == 3 else kind.number
        if numbers:
            parts.append(kind.words.format(" ".join(format(value, number) for value in numbers)))
    return ", ".join(parts)
