"""Families of poses: the generators that a search may use.

A family is an entry of `FAMILIES`, the name of a generator, or several of these joined by
`+`, as in `rotation+shift_x`. `GENERATORS` holds an entry for each kind of generator. Axes are
named `y x` in 2-D and `z y x` in 3-D, in array order; each generator is one entry (or a
diagonal) of a Lie-algebra element:

    rotation_yx   from the first axis towards the second, radians (`np.rot90` direction)
    shift_x       towards higher index, in coordinates (half the longest side)
    scale         all axes equally, logarithm of the enlargement
    scale_x       one axis, logarithm of the enlargement
    shear_yx      moves along the first axis in proportion to the second
"""

import dataclasses
import fnmatch
import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from avae_jax.config import choices
from avae_jax.config.options import RangeOptions
from avae_jax.core.choices import nearest
from avae_jax.core.errors import InputError
from avae_jax.core.types import Array
from avae_jax.transform.matrices import exponential, matmul

AXES = {2: "yx", 3: "zyx"}


class Generator(NamedTuple):
    """Properties of one kind of generator.

    A pose is decomposed into factors (`matrices.Factors`). `read` maps the factor of this kind to
    the bounded quantity; the prior is flat within the limits and has soft bounds there.

    Attributes:
      where: support of its generators: an `axis`, a `plane` of two, or all axes equally (``).
      entries: `axes -> {(row, column): value}`, the nonzero entries of its matrix; column -1 is
        the shift.
      limit: `ranges -> float`, the limit either way, in the unit of the generator.
      column: name in `poses.csv`, with `{}` for the axes.
      words: text for the values in the report.
      number: format of one value there.
      read: from the factor; None for rotations, which are drawn and bounded as a whole.
      clip: `(factor, ranges) -> factor` in range.
    """

    where: tuple[str, ...]
    entries: Callable[[tuple[int, ...]], dict[tuple[int, int], float]]
    limit: Callable[[RangeOptions], float]
    column: str
    words: str
    number: str
    read: Callable[[Array], Array] | None = None
    clip: Callable[[Array, RangeOptions], Array] | None = None


def _clip_scale(scale: Array, ranges: RangeOptions) -> Array:
    # The sign is that of a mirror image.
    return jnp.sign(scale) * jnp.clip(jnp.abs(scale), 1 / ranges.scale, ranges.scale)


GENERATORS = {
    "rotation": Generator(
        where=("plane",),
        entries=lambda axes: {(axes[1], axes[0]): 1.0, (axes[0], axes[1]): -1.0},
        limit=lambda ranges: math.radians(ranges.rotation),
        column="rotation_deg",
        words="{} deg",
        number="+.0f",
    ),
    "shift": Generator(
        where=("axis",),
        entries=lambda axes: {(axes[0], -1): 1.0},
        limit=lambda ranges: 2 * ranges.shift,
        column="shift_{}_px",
        words="shift {} px",
        number="+.1f",
        read=lambda shift: shift,
        clip=lambda shift, ranges: jnp.clip(shift, -2 * ranges.shift, 2 * ranges.shift),
    ),
    "scale": Generator(
        where=("", "axis"),
        entries=lambda axes: {(axis, axis): 1.0 for axis in axes},
        limit=lambda ranges: math.log(ranges.scale),
        column="scale_{}",
        words="scale {}",
        number=".2f",
        read=lambda scale: jnp.log(jnp.abs(scale)),
        clip=_clip_scale,
    ),
    "shear": Generator(
        where=("plane",),
        entries=lambda axes: {(axes[0], axes[1]): 1.0},
        limit=lambda ranges: ranges.shear,
        column="shear_{}",
        words="shear {}",
        number=".2f",
        read=lambda shear: shear,
        clip=lambda shear, ranges: jnp.clip(shear, -ranges.shear, ranges.shear),
    ),
}
# The generators of a named family; `*` stands for every axis or plane.
FAMILIES = {
    "rotation": ("rotation_*",),
    "translation": ("shift_*",),
    "rigid": ("rotation_*", "shift_*"),
    "similarity": ("rotation_*", "shift_*", "scale"),
    "affine": ("rotation_*", "shift_*", "scale_*", "shear_*"),
}


@dataclasses.dataclass(frozen=True)
class Family:
    """A family of poses in `d` dimensions and the names of its generators.

    >>> import avae_jax
    >>> avae_jax.parse_family("rigid", 2).generators
    ('rotation_yx', 'shift_y', 'shift_x')
    """

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


def parse_family(name: str, d: int) -> Family:
    """The family called `name` in `d` dimensions.

    Raises:
      InputError: unknown family or generator.

    >>> import avae_jax
    >>> avae_jax.parse_family("rotation+shift_x", 2).size
    2
    """
    known = generator_names(d)
    chosen: list[str] = []
    for part in name.split("+"):
        patterns = FAMILIES.get(part, (part,) if part in known else ())
        if not patterns:
            names = [*FAMILIES, *known]
            wanted = ", ".join(names) + nearest(part, names)
            raise InputError(f"family={name!r}: {part!r} is none of {wanted}")
        names = [n for n in known if any(fnmatch.fnmatch(n, pattern) for pattern in patterns)]
        chosen += [n for n in names if n not in chosen]
    return Family(name, d, tuple(chosen))


family = parse_family  # The earlier name.


def generator_names(d: int) -> tuple[str, ...]:
    """Every generator in `d` dimensions."""
    return choices.generator_names(AXES[d])


def basis(group: Family) -> np.ndarray:
    """The generators G_i as matrices `[P, d + 1, d + 1]`."""
    return np.stack([_generator(name, group.d) for name in group.generators])


def _generator(name: str, d: int) -> np.ndarray:
    matrix = np.zeros((d + 1, d + 1), np.float32)
    kind, _, _ = name.partition("_")
    for place, value in GENERATORS[kind].entries(axes_of(name, d) or tuple(range(d))).items():
        matrix[place] = value
    return matrix


def axes_of(name: str, d: int) -> tuple[int, ...]:
    """The array axes in the name of a generator, `(0, 1)` for `shear_yx` in 2-D."""
    return axis_numbers(name.partition("_")[2], d)


def axis_numbers(letters: str, d: int) -> tuple[int, ...]:
    """The array axes called `letters`, `(0, 1)` for `yx` in 2-D."""
    return tuple(AXES[d].index(letter) for letter in letters)


def retract(group: Family, pose: Array, alpha: Array) -> Array:
    """Moves a pose by local coordinates: `M exp(sum_i alpha_i G_i)`.

    Args:
      pose: `[d + 1, d + 1]`.
      alpha: `[P]`; zero does not change the pose. Differentiable.

    >>> import jax.numpy as jnp, avae_jax
    >>> family = avae_jax.parse_family("translation", 2)
    >>> avae_jax.retract(family, jnp.eye(3), jnp.array([0.5, -0.25]))[:2, 2].tolist()
    [0.5, -0.25]
    """
    generators = jnp.asarray(basis(group), alpha.dtype)
    return matmul(pose, exponential((alpha[:, None, None] * generators).sum(0)))
