"""Warping: exact where it can be, and otherwise as scipy interpolates."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from avae_jax.transform.frame import coordinates, frame, pad, to_index
from avae_jax.transform.matrices import affine, identity, inverse, plane_rotation
from avae_jax.transform.warp import warp

pytestmark = pytest.mark.standard
PLANES = {2: [(0, 1)], 3: [(0, 1), (0, 2), (1, 2)]}


@functools.partial(jax.jit, static_argnames=("source", "target", "interpolation"))
def warps(image, poses, fill, *, source, target, interpolation="linear"):
    """One image moved by each of several poses."""
    move = functools.partial(warp, source=source, target=target, interpolation=interpolation)
    return jax.vmap(move, (None, 0, None))(image, poses, fill)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


def turn(angle: float, axes: tuple[int, int], d: int) -> jax.Array:
    return affine(plane_rotation(jnp.float32(angle), axes, d), jnp.zeros(d))


EXACT = [((7, 11), "linear"), ((7, 7), "cubic"), ((5, 6, 7), "linear"), ((4, 4, 4), "cubic")]


@pytest.mark.parametrize(("shape", "interpolation"), EXACT)
def test_warp_identity_exact(shape, interpolation):
    image, grid, still = noise(*shape, 3), frame(shape), identity(len(shape))
    fill = jnp.float32([0.1, 0.2, 0.3])
    found = warps(image, still[None], fill, source=grid, target=grid, interpolation=interpolation)
    np.testing.assert_allclose(found[0], image, atol=1e-7)


@pytest.mark.quick
def test_warp_takes_pixels_that_were_not_observed():
    """NaN is for the resampling to carry; the fill and the pose are numbers."""
    image, grid = np.full((3, 3, 1), np.nan, np.float32), frame((3, 3))

    def moved(pose):
        return warp(image, pose, np.zeros(1, np.float32), source=grid, target=grid)

    assert jax.eval_shape(moved, identity(2)).shape == (3, 3, 1)


@pytest.mark.parametrize(
    ("d", "side", "interpolation"),
    [(2, 6, "linear"), (2, 7, "linear"), (2, 7, "cubic"), (3, 6, "linear"), (3, 5, "linear")],
)
def test_warp_quarter_turns_equal_rot90(d, side, interpolation):
    """Quarter turns equal rot90 to the border."""
    image, grid, fill = noise(*(side,) * d, 2), frame((side,) * d), jnp.float32([0.5, -1])
    cases = list(itertools.product(range(-3, 5), PLANES[d]))
    poses = jnp.stack([turn(k * np.pi / 2, axes, d) for k, axes in cases])
    found = warps(image, poses, fill, source=grid, target=grid, interpolation=interpolation)
    for (k, axes), turned in zip(cases, found, strict=True):
        np.testing.assert_allclose(turned, np.rot90(image, k, axes), atol=1e-5)


@pytest.mark.parametrize(("d", "axes"), [(2, (0, 1)), (3, (0, 2))])
def test_warp_quarter_turns_of_long_images_equal_rot90(d, axes):
    """The unit is the same on every axis: turned, a long image is long in the other direction."""
    image = noise(*(5, 8, 6)[:d], 1)
    expected = np.rot90(image, 1, axes)
    source, target = frame(image.shape[:-1]), frame(expected.shape[:-1])
    pose = turn(np.pi / 2, axes, d)
    found = warps(image, pose[None], jnp.zeros(1), source=source, target=target)
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_warp_quarter_turns_respect_the_spacing():
    """Ten pixels of 2 mm are as long as twenty of 1 mm."""
    image = noise(5, 12, 1)
    flat = frame((5, 12), spacing=(2.0, 1.0))
    upright = frame((12, 5), spacing=(1.0, 2.0))
    pose = turn(np.pi / 2, (0, 1), 2)
    found = warps(image, pose[None], jnp.zeros(1), source=flat, target=upright)
    np.testing.assert_allclose(found[0], np.rot90(image), atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 12), (4, 6, 9)])
def test_warp_rotations_of_long_images_rigid(shape):
    """Pixel distances are kept, at any angle."""
    grid, d = frame(shape), len(shape)
    index = to_index(turn(0.7, (0, d - 1), d), grid, grid).reshape(-1, d)
    before = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, d)
    distances = [np.linalg.norm(p[:, None] - p[None], axis=-1) for p in (np.asarray(index), before)]
    np.testing.assert_allclose(*distances, atol=1e-4)


def pixel_map(pose: np.ndarray, source, target) -> tuple[np.ndarray, np.ndarray]:
    """What scipy wants of a pose: the matrix and offset from target to source pixels."""
    matrix = np.linalg.inv(np.asarray(pose, np.float64))
    back = source.unit / np.array(source.spacing)
    linear = matrix[:-1, :-1] * np.outer(back, np.array(target.spacing) / target.unit)
    centres = [(np.array(grid.shape) - 1) / 2 for grid in (source, target)]
    return linear, centres[0] + back * matrix[:-1, -1] - linear @ centres[1]


FRAMES = [
    (frame((9, 12)), frame((9, 12))),
    (frame((9, 12), spacing=(2.0, 1.5)), pad(frame((9, 12), spacing=(2.0, 1.5)), (3, 1))),
    (frame((7, 8, 6)), frame((7, 8, 6))),
    (frame((5, 6, 7), spacing=(1.0, 2.0, 1.5)), frame((6, 4, 5))),
]


@pytest.mark.parametrize(("source", "target"), FRAMES)
def test_warp_agrees_with_scipy(source, target):
    """Random affine maps agree with scipy."""
    d, channels = source.d, 3
    image, fill = noise(*source.shape, channels), np.float32([0.25, 0, -0.5])
    random = np.random.default_rng(d)
    poses = np.tile(np.eye(d + 1), (10, 1, 1))
    poses[:, :d, :d] += random.uniform(-0.5, 0.5, (10, d, d))
    poses[:, :d, d] = random.uniform(-0.5, 0.5, (10, d))
    found = warps(image, jnp.asarray(poses, jnp.float32), fill, source=source, target=target)
    for pose, moved in zip(poses, found, strict=True):
        matrix, offset = pixel_map(pose, source, target)
        for channel in range(channels):
            expected = scipy.ndimage.affine_transform(
                image[..., channel],
                matrix,
                offset,
                target.shape,
                order=1,
                mode="grid-constant",
                cval=fill[channel],
            )
            np.testing.assert_allclose(moved[..., channel], expected, atol=1e-5)


def test_warp_there_and_back():
    """Smooth content, so that interpolation hardly blurs it."""
    move = functools.partial(
        warps, fill=jnp.zeros(1), source=frame((33, 33)), target=frame((33, 33))
    )
    image = np.exp(-8 * (coordinates(frame((33, 33))) ** 2).sum(-1, keepdims=True))
    pose = affine(plane_rotation(jnp.float32(0.6), (0, 1), 2) * 1.1, jnp.float32([0.1, -0.2]))
    there = move(image, pose[None])[0]
    back = move(there, inverse(pose)[None])[0]
    assert np.abs(there - image).max() > 0.1
    np.testing.assert_allclose(back, image, atol=0.03)
