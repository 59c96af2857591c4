"""Poses as words and numbers with units."""

from collections.abc import Collection

import numpy as np
from scipy.spatial.transform import Rotation

from avae_jax.transform.families import AXES, Family
from avae_jax.transform.frame import Frame
from avae_jax.transform.matrices import factorise, rotation_angle

KINDS = ("rotation", "shift", "scale", "shear")


def parameters(pose: np.ndarray, group: Family, grid: Frame) -> dict[str, float]:
    """The parameters of one pose `[d + 1, d + 1]` that the family can change, as `table`."""
    kinds = [kind for kind in KINDS if group.has(kind)]
    return {name: float(column[0]) for name, column in table(pose[None], grid, kinds).items()}


def table(poses: np.ndarray, grid: Frame, kinds: Collection[str]) -> dict[str, np.ndarray]:
    """The parameters of poses `[n, d + 1, d + 1]`, a column `[n]` each.

    Args:
      kinds: those of `KINDS` that are wanted.

    Returns:
      Values by name and unit: `rotation_deg` in (-180, 180] in 2-D, the angle in [0, 180]
      in 3-D; `shift_x_px`; `scale_x`; `shear_yx`. They are those of
      shift . rotation . shear . scale, the scale acting first.
    """
    factors = factorise(np.asarray(poses, np.float32))
    axes = AXES[grid.d]
    found: dict[str, np.ndarray] = {}
    if "rotation" in kinds:
        found["rotation_deg"] = _degrees(np.asarray(factors.rotation))
    if "shift" in kinds:
        pixels = np.asarray(factors.shift) * grid.unit / np.asarray(grid.spacing)
        found |= {f"shift_{a}_px": pixels[:, i] for i, a in enumerate(axes)}
    if "scale" in kinds:
        found |= {f"scale_{a}": np.asarray(factors.scale[:, i]) for i, a in enumerate(axes)}
    if "shear" in kinds:
        pairs = [axes[i] + axes[j] for i, j in zip(*np.triu_indices(grid.d, 1), strict=True)]
        found |= {f"shear_{p}": np.asarray(factors.shear[:, i]) for i, p in enumerate(pairs)}
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


def sentence(pose: np.ndarray, group: Family, grid: Frame) -> str:
    """One short line, such as `-37 deg, shift +1.2 -0.4 px`."""
    found = parameters(pose, group, grid)
    kinds = {
        "rotation": "{:+.0f} deg",
        "shift": "shift {} px",
        "scale": "scale {}",
        "shear": "shear {}",
    }
    parts = []
    for kind, form in kinds.items():
        numbers = [value for name, value in found.items() if name.startswith(kind)]
        if kind == "rotation" and numbers:
            parts.append(form.format(numbers[0]) if group.d == 2 else f"{numbers[0]:.0f} deg")
        elif numbers:
            sign = "+.1f" if kind == "shift" else ".2f"
            parts.append(form.format(" ".join(format(value, sign) for value in numbers)))
    return ", ".join(parts)
