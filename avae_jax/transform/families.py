"""Families of poses: the generators that a search may use.

A family is one of `FAMILIES`, the name of a generator, or several of these joined by
`+`, as in `rotation+shift_x`. Axes are named `y x` in 2-D and `z y x` in 3-D, in array
order; each generator is one entry (or a diagonal) of a Lie-algebra element:

    rotation_yx   from the first axis towards the second, radians (`np.rot90` direction)
    shift_x       towards higher index, in coordinates (half the longest side)
    scale         every axis alike, logarithm of the enlargement
    scale_x       one axis, logarithm of the enlargement
    shear_yx      moves along the first axis in proportion to the second
"""

import dataclasses

import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import FAMILIES
from avae_jax.core.errors import InputError
from avae_jax.core.types import Array
from avae_jax.transform.matrices import exponential, matmul

AXES = {2: "yx", 3: "zyx"}


@dataclasses.dataclass(frozen=True)
class Family:
    """A family of poses in `d` dimensions and the names of its generators."""

    name: str
    d: int
    generators: tuple[str, ...]

    @property
    def size(self) -> int:
        """Number of pose parameters P."""
        return len(self.generators)

    def has(self, kind: str) -> bool:
        """Whether any generator is of `kind`: rotation, shift, scale or shear."""
        return any(name.split("_")[0] == kind for name in self.generators)

    def reaches(self, kind: str) -> bool:
        """Whether products of poses of the family have factors of `kind`.

        Rotations do not commute with anisotropic scales or shears, so products may contain either.
        """
        bends = self.has("shear") or any(name.startswith("scale_") for name in self.generators)
        both = kind in ("scale", "shear") and self.has("rotation") and bends
        return both or self.has(kind)


def family(name: str, d: int) -> Family:
    """The family called `name` in `d` dimensions.

    Raises:
      InputError: unknown family or generator.
    """
    known = generator_names(d)
    chosen: list[str] = []
    for part in name.split("+"):
        names = _members(part, d) or ([part] if part in known else None)
        if names is None:
            wanted = ", ".join((*FAMILIES, *known))
            raise InputError(f"family={name!r}: {part!r} is none of {wanted}")
        chosen += [n for n in names if n not in chosen]
    return Family(name, d, tuple(chosen))


def generator_names(d: int) -> tuple[str, ...]:
    """Every generator in `d` dimensions."""
    axes = AXES[d]
    pairs = [axes[i] + axes[j] for i in range(d) for j in range(i + 1, d)]
    return (
        *(f"rotation_{p}" for p in pairs),
        *(f"shift_{a}" for a in axes),
        "scale",
        *(f"scale_{a}" for a in axes),
        *(f"shear_{p}" for p in pairs),
    )


def _members(name: str, d: int) -> list[str] | None:
    kinds = {
        "rotation": ("rotation_",),
        "translation": ("shift_",),
        "rigid": ("rotation_", "shift_"),
        "similarity": ("rotation_", "shift_", "scale"),
        "affine": ("rotation_", "shift_", "scale_", "shear_"),
    }
    if name not in kinds:
        return None
    # `similarity` scales every axis alike, `affine` each on its own.
    apart = "scale_" if name == "similarity" else "never"
    return [g for g in generator_names(d) if g.startswith(kinds[name]) and not g.startswith(apart)]


def basis(group: Family) -> np.ndarray:
    """The generators G_i as matrices `[P, d + 1, d + 1]`."""
    return np.stack([_generator(name, group.d) for name in group.generators])


def _generator(name: str, d: int) -> np.ndarray:
    matrix = np.zeros((d + 1, d + 1), np.float32)
    kind, _, where = name.partition("_")
    axes = [AXES[d].index(letter) for letter in where]
    if kind == "rotation":
        matrix[axes[1], axes[0]], matrix[axes[0], axes[1]] = 1.0, -1.0
    elif kind == "shift":
        matrix[axes[0], d] = 1.0
    elif kind == "scale":
        for axis in axes or range(d):
            matrix[axis, axis] = 1.0
    else:
        matrix[axes[0], axes[1]] = 1.0
    return matrix


def retract(group: Family, pose: Array, alpha: Array) -> Array:
    """Moves a pose by local coordinates: `M exp(sum_i alpha_i G_i)`.

    Args:
      pose: `[d + 1, d + 1]`.
      alpha: `[P]`; zero leaves the pose as it is. Differentiable.
    """
    generators = jnp.asarray(basis(group), alpha.dtype)
    return matmul(pose, exponential((alpha[:, None, None] * generators).sum(0)))
