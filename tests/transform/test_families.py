"""Families: their names, their generators, and which way each of them moves content."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import RangeOptions
from avae_jax.core.errors import InputError
from avae_jax.transform import family, frame, identity, inverse, retract, warp
from avae_jax.transform.families import AXES, GENERATORS, basis, generator_names
from avae_jax.transform.matrices import matmul

SIDE = 19


@pytest.mark.parametrize(
    ("name", "d", "generators"),
    [
        ("rotation", 2, ["rotation_yx"]),
        ("rotation", 3, ["rotation_zy", "rotation_zx", "rotation_yx"]),
        ("translation", 2, ["shift_y", "shift_x"]),
        ("rigid", 3, "rotation_zy rotation_zx rotation_yx shift_z shift_y shift_x".split()),
        ("similarity", 2, ["rotation_yx", "shift_y", "shift_x", "scale"]),
        (
            "affine",
            2,
            "rotation_yx shift_y shift_x scale_y scale_x shear_yx".split(),
        ),
        ("scale", 3, ["scale"]),
        ("rotation_yx", 3, ["rotation_yx"]),
        ("rotation+shift_x", 2, ["rotation_yx", "shift_x"]),
        ("rotation+rigid+rotation_yx", 2, ["rotation_yx", "shift_y", "shift_x"]),
    ],
)
def test_family_has_the_generators_of_its_name(name, d, generators):
    group = family(name, d)
    assert group.generators == tuple(generators)
    assert group.size == len(generators)
    assert basis(group).shape == (len(generators), d + 1, d + 1)


def test_family_affine_has_every_degree_of_freedom():
    for d in (2, 3):
        group = family("affine", d)
        assert group.size == d * (d + 1)
        assert np.linalg.matrix_rank(basis(group).reshape(group.size, -1)) == group.size


@pytest.mark.parametrize("name", ["", "turns", "rotation_zy", "rotation+", "rotation,shift_x"])
def test_family_unknown_name_lists_the_known(name):
    """An unknown name is bad input and the known ones are said."""
    with pytest.raises(InputError, match="family='.*none of rotation, .*shear_yx"):
        family(name, 2)


@pytest.mark.parametrize(
    ("kind", "values", "clipped"),
    [
        ("shift", [-9, -0.3, 0.3, 9], [-0.4, -0.3, 0.3, 0.4]),
        ("scale", [-9, -1.1, 0.01, 1.1, 9], [-1.25, -1.1, 0.8, 1.1, 1.25]),
        ("shear", [-9, -0.1, 0.1, 9], [-0.3, -0.1, 0.1, 0.3]),
    ],
)
def test_clipped_to_the_range_on_both_sides(kind, values, clipped):
    """A shift is a share of the side, which is 2 long; the sign of a scale is a mirror image's."""
    ranges = RangeOptions(shift=0.2, scale=1.25, shear=0.3)
    found = jax.jit(lambda values: GENERATORS[kind].clip(values, ranges))(np.float32(values))
    np.testing.assert_allclose(found, clipped, rtol=1e-6)


def test_family_kinds_of_generators_and_products():
    """Kinds are those of the generators and of their products."""
    assert family("similarity", 2).has("scale")
    assert not family("rigid", 2).has("scale")
    assert not family("rotation+scale_x", 2).has("shear")
    assert family("rotation+scale_x", 2).reaches("shear")
    assert family("rotation+shear_yx", 2).reaches("scale")
    for name in ("similarity", "shear_yx", "scale_x"):
        assert family(name, 2).reaches("scale") == (name != "shear_yx")
        assert family(name, 2).reaches("shear") == (name == "shear_yx")


@pytest.mark.parametrize(("name", "d"), [("similarity", 2), ("rigid", 3), ("affine", 3)])
def test_retract_by_nothing(name, d):
    """Retract by nothing leaves a pose as it is."""
    group = family(name, d)
    pose = np.random.default_rng(0).normal(size=(d + 1, d + 1)).astype(np.float32)
    moved = jax.jit(functools.partial(retract, group))(pose, np.zeros(group.size, np.float32))
    np.testing.assert_array_equal(moved, pose)


@pytest.mark.parametrize("d", [2, 3])
def test_retract_opposite_is_the_inverse(d):
    """The opposite step is the exact inverse."""
    group = family("affine", d)
    alpha = np.random.default_rng(0).uniform(-1, 1, group.size).astype(np.float32)

    @jax.jit
    def there_and_back(alpha):
        there, back = (retract(group, identity(d), step) for step in (alpha, -alpha))
        return matmul(there, back), inverse(there), back

    product, inverted, back = there_and_back(alpha)
    np.testing.assert_allclose(product, np.eye(d + 1), atol=1e-5)
    np.testing.assert_allclose(inverted, back, atol=1e-5)


@pytest.mark.standard
def test_retract_derivative_is_the_generators():
    """The derivative at nothing is the generators."""
    group = family("affine", 3)
    found = jax.jacfwd(lambda alpha: retract(group, identity(3), alpha))(jnp.zeros(group.size))
    np.testing.assert_allclose(np.moveaxis(found, -1, 0), basis(group), atol=1e-6)


def centre(image: np.ndarray) -> np.ndarray:
    """Centre of mass in pixels."""
    index = np.stack(np.meshgrid(*map(np.arange, image.shape), indexing="ij"))
    return (index * image).sum(tuple(range(1, image.ndim + 1))) / image.sum()


def width(image: np.ndarray, axis: int) -> float:
    """Standard deviation along an axis in pixels."""
    index = np.arange(image.shape[axis]).reshape(
        [-1 if i == axis else 1 for i in range(image.ndim)]
    )
    return float(np.sqrt(((index - centre(image)[axis]) ** 2 * image).sum() / image.sum()))


AWAY = 3


@functools.cache
def mover(d: int):
    """One program for every axis: moves a blob along each of some generators."""
    grid = frame((SIDE,) * d)

    def move(blob: jax.Array, generator: jax.Array) -> jax.Array:
        pose = jax.scipy.linalg.expm(generator)
        return warp(blob, pose, jnp.zeros(1), source=grid, target=grid)

    return jax.jit(jax.vmap(move, (None, 0)))


@functools.cache
def moved_blobs(d: int, axis: int) -> dict[str, np.ndarray]:
    """A blob `AWAY` pixels from the centre along `axis`, moved by 0.2 along each generator.

    Under the name `""` stands the blob itself.
    """
    start = (SIDE - 1) / 2 + AWAY * np.eye(d)[axis]
    index = np.stack(np.meshgrid(*(np.arange(SIDE),) * d, indexing="ij"), -1)
    blob = np.exp(-((index - start) ** 2).sum(-1, keepdims=True) / 4)
    blob, names = blob.astype(np.float32), generator_names(d)
    steps = 0.2 * np.stack([np.asarray(basis(family(name, d))[0]) for name in names])
    moved = np.asarray(mover(d)(blob, steps.astype(np.float32)))[..., 0]
    return {"": blob[..., 0], **dict(zip(names, moved, strict=True))}


axes_of_both = pytest.mark.parametrize(("d", "axis"), [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)])


@pytest.mark.standard
@axes_of_both
def test_basis_shift_goes_to_higher_index(d, axis):
    """A shift goes to higher index and counts half longest sides."""
    blobs = moved_blobs(d, axis)
    for other, letter in enumerate(AXES[d]):
        moved = centre(blobs[f"shift_{letter}"]) - centre(blobs[""])
        np.testing.assert_allclose(moved, 0.1 * SIDE * np.eye(d)[other], atol=0.02)


@axes_of_both
def test_basis_positive_scale_enlarges(d, axis):
    blobs = moved_blobs(d, axis)
    for name in ("scale", f"scale_{AXES[d][axis]}"):
        moved = centre(blobs[name]) - centre(blobs[""])
        np.testing.assert_allclose(moved, AWAY * (np.exp(0.2) - 1) * np.eye(d)[axis], atol=0.02)
        grown = width(blobs[name], axis) / width(blobs[""], axis)
        assert grown == pytest.approx(np.exp(0.2), rel=0.1)
    for letter in AXES[d].replace(AXES[d][axis], ""):
        moved = centre(blobs[f"scale_{letter}"]) - centre(blobs[""])
        np.testing.assert_allclose(moved, np.zeros(d), atol=0.02)


@axes_of_both
def test_basis_rotations_and_shears_from_first_to_second_axis(d, axis):
    blobs, unit = moved_blobs(d, axis), np.eye(d)
    for i, j in itertools.combinations(range(d), 2):
        plane = AXES[d][i] + AXES[d][j]
        turned = centre(blobs[f"rotation_{plane}"]) - centre(blobs[""])
        # e_i goes towards e_j, and e_j towards -e_i.
        towards = {i: unit[j], j: -unit[i]}.get(axis)
        arc = 0 if towards is None else np.sin(0.2) * towards - (1 - np.cos(0.2)) * unit[axis]
        np.testing.assert_allclose(turned, AWAY * arc + np.zeros(d), atol=0.02)
        sheared = centre(blobs[f"shear_{plane}"]) - centre(blobs[""])
        np.testing.assert_allclose(sheared, 0.2 * AWAY * unit[i] * (axis == j), atol=0.02)
