"""Poses in words and numbers that people read, with their units."""

import numpy as np

from avae_jax.transform.families import AXES, Family
from avae_jax.transform.frame import Frame
from avae_jax.transform.matrices import factorise, rotation_angle


def parameters(pose: np.ndarray, group: Family, grid: Frame) -> dict[str, float]:
    """The parameters of one pose `[d + 1, d + 1]` that the family can change.

    Returns:
      Values by name and unit: `rotation_deg` in (-180, 180] in 2-D, the angle in [0, 180]
      in 3-D; `shift_x_px`; `scale_x`; `shear_yx`. They are those of
      shift . rotation . shear . scale, the scale acting first.
    """
    factors = factorise(np.asarray(pose, np.float32))
    axes = AXES[group.d]
    found: dict[str, float] = {}
    if group.has("rotation"):
        found["rotation_deg"] = _degrees(np.asarray(factors.rotation))
    if group.has("shift"):
        pixels = np.asarray(factors.shift) * grid.unit / np.asarray(grid.spacing)
        found |= {f"shift_{a}_px": float(p) for a, p in zip(axes, pixels, strict=True)}
    if group.has("scale"):
        found |= {f"scale_{a}": float(s) for a, s in zip(axes, factors.scale, strict=True)}
    if group.has("shear"):
        pairs = [axes[i] + axes[j] for i, j in zip(*np.triu_indices(group.d, 1), strict=True)]
        found |= {f"shear_{p}": float(s) for p, s in zip(pairs, factors.shear, strict=True)}
    return found


def _degrees(rotation: np.ndarray) -> float:
    if rotation.shape[0] == 2:
        return float(np.degrees(np.arctan2(rotation[1, 0], rotation[0, 0])))
    return float(np.degrees(rotation_angle(rotation)))


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
