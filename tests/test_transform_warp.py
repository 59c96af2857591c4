"""Warping: exact where it can be, and otherwise as scipy interpolates."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
from jax.test_util import check_grads

from avae_jax.transform.frame import coordinates, frame, pad, to_index
from avae_jax.transform.matrices import affine, identity, inverse, plane_rotation
from avae_jax.transform.resample import sample
from avae_jax.transform.warp import warp

PLANES = {2: [(0, 1)], 3: [(0, 1), (0, 2), (1, 2)]}


@pytest.fixture(autouse=True, scope="module")
def quick_to_compile():
    """Programs run few times here: to optimise them would take longer than it saves."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@functools.partial(jax.jit, static_argnames=("source", "target", "interpolation"))
def warps(image, poses, fill, *, source, target, interpolation="linear"):
    """One image moved by each of several poses."""
    move = functools.partial(warp, source=source, target=target, interpolation=interpolation)
    return jax.vmap(move, (None, 0, None))(image, poses, fill)


samples = jax.jit(sample, static_argnames="interpolation")


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape, np.float32)


def turn(angle: float, axes: tuple[int, int], d: int) -> jax.Array:
    return affine(plane_rotation(jnp.float32(angle), axes, d), jnp.zeros(d))


EXACT = [((7, 11), "linear"), ((7, 7), "cubic"), ((5, 6, 7), "linear"), ((4, 4, 4), "cubic")]


@pytest.mark.parametrize(("shape", "interpolation"), EXACT)
def test_the_identity_is_exact(shape, interpolation):
    image, grid, still = noise(*shape, 3), frame(shape), identity(len(shape))
    fill = jnp.float32([0.1, 0.2, 0.3])
    found = warps(image, still[None], fill, source=grid, target=grid, interpolation=interpolation)
    np.testing.assert_allclose(found[0], image, atol=1e-7)


@pytest.mark.parametrize(
    ("d", "side", "interpolation"),
    [(2, 6, "linear"), (2, 7, "linear"), (2, 7, "cubic"), (3, 6, "linear"), (3, 5, "linear")],
)
def test_quarter_turns_equal_rot90_to_the_border(d, side, interpolation):
    image, grid, fill = noise(*(side,) * d, 2), frame((side,) * d), jnp.float32([0.5, -1])
    cases = list(itertools.product(range(-3, 5), PLANES[d]))
    poses = jnp.stack([turn(k * np.pi / 2, axes, d) for k, axes in cases])
    found = warps(image, poses, fill, source=grid, target=grid, interpolation=interpolation)
    for (k, axes), turned in zip(cases, found, strict=True):
        np.testing.assert_allclose(turned, np.rot90(image, k, axes), atol=1e-5)


@pytest.mark.parametrize(("d", "axes"), [(2, (0, 1)), (3, (0, 2))])
def test_quarter_turns_of_long_images_equal_rot90(d, axes):
    """The unit is the same on every axis: turned, a long image is long in the other direction."""
    image = noise(*(5, 8, 6)[:d], 1)
    expected = np.rot90(image, 1, axes)
    source, target = frame(image.shape[:-1]), frame(expected.shape[:-1])
    pose = turn(np.pi / 2, axes, d)
    found = warps(image, pose[None], jnp.zeros(1), source=source, target=target)
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_quarter_turns_respect_the_spacing():
    """Ten pixels of 2 mm are as long as twenty of 1 mm."""
    image = noise(5, 12, 1)
    flat = frame((5, 12), spacing=(2.0, 1.0))
    upright = frame((12, 5), spacing=(1.0, 2.0))
    pose = turn(np.pi / 2, (0, 1), 2)
    found = warps(image, pose[None], jnp.zeros(1), source=flat, target=upright)
    np.testing.assert_allclose(found[0], np.rot90(image), atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 12), (4, 6, 9)])
def test_rotations_of_long_images_are_rigid(shape):
    """Pixel distances are kept, at any angle."""
    grid, d = frame(shape), len(shape)
    index = to_index(turn(0.7, (0, d - 1), d), grid, grid).reshape(-1, d)
    before = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1).reshape(-1, d)
    distances = [np.linalg.norm(p[:, None] - p[None], axis=-1) for p in (np.asarray(index), before)]
    np.testing.assert_allclose(*distances, atol=1e-4)


def test_coordinates_count_half_the_longest_side_from_the_centre():
    grid = frame((4, 8))
    np.testing.assert_allclose(coordinates(grid)[0, 0], [-1.5 / 4, -3.5 / 4])
    np.testing.assert_allclose(coordinates(grid)[3, 7], [1.5 / 4, 3.5 / 4])
    spaced = frame((4, 8), spacing=(3.0, 1.0))
    assert spaced.unit == 6
    np.testing.assert_allclose(coordinates(spaced)[0, 0], [-4.5 / 6, -3.5 / 6])
    wide = pad(grid, (2, 1))
    assert (wide.shape, wide.unit) == ((8, 10), grid.unit)
    np.testing.assert_allclose(coordinates(wide)[2:-2, 1:-1], coordinates(grid))


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
def test_random_affine_maps_agree_with_scipy(source, target):
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


@pytest.mark.parametrize("shape", [(9, 10), (8, 9, 8)])
def test_cubic_interpolation_reproduces_quadratics(shape):
    d = len(shape)
    random = np.random.default_rng(0)
    bend, slope = random.normal(size=(d, d)), random.normal(size=d)

    def quadratic(index: np.ndarray) -> np.ndarray:
        return np.einsum("...i,ij,...j->...", index, bend, index) / 50 + index @ slope / 10

    image = quadratic(np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1))
    inside = random.uniform(1, np.array(shape) - 2, (100, d)).astype(np.float32)
    found = samples(
        jnp.asarray(image[..., None], jnp.float32), inside, jnp.zeros(1), interpolation="cubic"
    )
    np.testing.assert_allclose(found[:, 0], quadratic(inside), atol=1e-5)


def test_what_is_outside_is_fill():
    image, fill = noise(5, 6, 2), jnp.float32([0.3, -2])
    index = jnp.float32([[-2, 1], [1, 7], [7, 7], [1e20, 0], [2, -1e9]])
    for interpolation in ("linear", "cubic"):
        found = samples(image, index, fill, interpolation=interpolation)
        np.testing.assert_array_equal(found, np.tile(fill, (5, 1)))


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_the_border_is_approached_without_a_jump(interpolation):
    image = 1 + noise(5, 5, 1)
    across = jnp.linspace(-3, 8, 2201)
    index = jnp.stack([across, jnp.full_like(across, 1.3)], -1)
    found = samples(image, index, jnp.zeros(1), interpolation=interpolation)[:, 0]
    assert np.abs(np.diff(found)).max() < 3 * 0.005


@pytest.mark.parametrize(
    ("shape", "interpolation"), [((4, 5), "linear"), ((4, 5), "cubic"), ((3, 4, 3), "linear")]
)
def test_derivatives_agree_with_differences(shape, interpolation):
    d = len(shape)
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        whole = random.integers(-2, 6, (12, d))
        index = jnp.asarray(whole + random.uniform(0.1, 0.9, (12, d)))
        image, fill = jnp.asarray(noise(*shape, 2), jnp.float64), jnp.array([0.2, 0.7])
        function = jax.jit(functools.partial(sample, interpolation=interpolation))
        check_grads(function, (image, index, fill), order=1, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_derivatives_are_finite_where_interpolation_has_kinks(interpolation):
    image = noise(4, 5, 1)
    kinks = [-1e9, -2, -1, 0, 1, 2, 3, 4, 5, 6, 1e9]
    index = jnp.float32(list(itertools.product(kinks, kinks)))

    def total(image: jax.Array, index: jax.Array, fill: jax.Array) -> jax.Array:
        return (sample(image, index, fill, interpolation=interpolation) ** 2).sum()

    gradients = jax.jit(jax.grad(total, (0, 1, 2)))(image, index, jnp.ones(1))
    assert all(np.isfinite(part).all() for part in gradients)


def test_there_and_back_is_nearly_nothing():
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
