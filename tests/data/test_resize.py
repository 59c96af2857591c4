"""`data.fill`, `data.scale` and `data.size`."""

import numpy as np
import pytest
from scipy import ndimage

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.resize import border_median, fill_value, reframe, resample


def bump(sides, *, width=2.0, offset=0.0):
    """A Gaussian at the centre of a frame, `[*S]`."""
    grids = np.meshgrid(*(np.arange(n) - (n - 1) / 2 - offset for n in sides), indexing="ij")
    return np.exp(-sum(grid**2 for grid in grids) / (2 * width**2)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("side", "size", "front"), [(5, 8, 1), (5, 9, 2), (6, 9, 1), (5, 5, 0)])
@pytest.mark.parametrize("rank", [2, 3])
def test_reframe_pads_half_rounded_down_in_front(side, size, front, rank, channels):
    """Padding puts half rounded down in front."""
    images = np.random.default_rng(0).random((2, *(side,) * rank, channels), np.float32)
    fill = np.arange(2, 2 + channels, dtype=np.float32)
    framed = reframe(images, scale=1.0, size=size, fill=fill)
    inner = (slice(None), *(slice(front, front + side),) * rank)
    np.testing.assert_array_equal(framed[inner], images)
    framed[inner] = fill
    np.testing.assert_array_equal(framed, np.broadcast_to(fill, framed.shape))


@pytest.mark.parametrize(("side", "size", "front"), [(9, 5, 2), (8, 5, 2), (9, 6, 2)])
def test_reframe_crops_as_it_pads(side, size, front):
    """Cropping is padding the other way."""
    images = np.random.default_rng(0).random((2, side, side, 1), np.float32)
    framed = reframe(images, scale=1.0, size=size, fill=np.zeros(1, np.float32))
    cut = slice(front, front + size)
    assert front == -((size - side) // 2)
    np.testing.assert_array_equal(framed, images[:, cut, cut])


def test_reframe_pads_one_axis_and_crops_another():
    """One axis may be padded while another is cropped."""
    images = np.ones((1, 4, 12, 1), np.float32)
    framed = reframe(images, scale=1.0, size=8, fill=np.zeros(1, np.float32))
    assert framed.shape == (1, 8, 8, 1) and framed.sum() == 4 * 8


def test_reframe_size_zero_keeps_the_frame():
    images = np.random.default_rng(0).random((2, 6, 9, 2), np.float32)
    np.testing.assert_array_equal(reframe(images, scale=1.0, size=0, fill=np.zeros(2)), images)
    assert reframe(images, scale=0.5, size=0, fill=np.zeros(2)).shape == images.shape


@pytest.mark.parametrize(("scale", "size"), [(0.5, 31), (0.74, 41), (1.5, 41), (2.0, 60)])
def test_reframe_scales_a_bump_at_the_centre(scale, size):
    """Scaling a bump gives the scaled bump at the centre."""
    sigma = max(0.0, (1 / scale - 1) / 2)
    shrunk = bump((41, 41), width=4.0)[None, ..., None]
    framed = reframe(shrunk, scale=scale, size=size, fill=np.zeros(1, np.float32))[0, ..., 0]
    # The Gaussian against aliasing widens the bump and lowers it by a known amount.
    wide = np.hypot(4.0, sigma)
    wanted = bump((size, size), width=wide * scale) * (4.0 / wide) ** 2
    np.testing.assert_allclose(framed, wanted, atol=0.01)
    np.testing.assert_allclose(framed, framed[::-1, ::-1], atol=1e-6)


@pytest.mark.parametrize(("scale", "order"), [(0.6, 1), (0.95, 1), (1.25, 3)])
def test_resample_agrees_with_scipy(scale, order):
    """Resampling agrees with scipy on a plane of fill."""
    image = np.random.default_rng(0).random((12, 9))
    plane = np.pad(image, 30, constant_values=0.5)
    if scale < 1.0:
        plane = ndimage.gaussian_filter(plane, (1 / scale - 1) / 2)
    offset = (np.array(plane.shape) - 1) / 2 - (np.array((16, 18)) - 1) / 2 / scale
    wanted = ndimage.affine_transform(
        plane, [1 / scale] * 2, offset=offset, output_shape=(16, 18), order=order
    )
    moved = resample(image, (16, 18), scale=scale, fill=0.5)
    wanted = np.clip(wanted, min(image.min(), 0.5), max(image.max(), 0.5))
    np.testing.assert_allclose(moved, wanted, atol=1e-5)


def test_resample_shrinks_one_axis_and_is_linear_on_the_other():
    """Half a pixel aside on the axis that keeps its size, as the frame is a pixel wider."""
    image = np.zeros((8, 5))
    image[:, 2] = 1
    moved = resample(image, (4, 6), scale=np.array([0.5, 1.0]), fill=0.0)
    np.testing.assert_allclose(moved[1:3], [[0, 0, 0.5, 0.5, 0, 0]] * 2, atol=1e-6)


@pytest.mark.parametrize("scale", [0.4, 0.9, 1.7])
def test_reframe_fill_outside_and_constants_stay(scale):
    """Outside the image is fill and a constant stays one."""
    images = np.full((1, 9, 9, 1), 0.7, np.float32)
    same = reframe(images, scale=scale, size=20, fill=np.full(1, 0.7, np.float32))
    np.testing.assert_allclose(same, 0.7, atol=1e-6)
    framed = reframe(images, scale=scale, size=20, fill=np.full(1, 0.2, np.float32))
    # The cubic rings a little across the step at the border.
    assert framed[0, 0, 0, 0] == pytest.approx(0.2, abs=0.005 if scale > 1 else 1e-6)
    assert framed[0, 10, 10, 0] == pytest.approx(0.7, abs=0.01)


def test_reframe_enlarged_within_the_range():
    """Enlarging stays within the range of the image."""
    images = (np.random.default_rng(0).random((3, 12, 12, 1)) < 0.5).astype(np.float32)
    framed = reframe(images, scale=1.9, size=0, fill=np.zeros(1, np.float32))
    assert framed.min() == 0.0 and framed.max() == 1.0


def test_reframe_shrunk_keeps_the_mass():
    """Shrinking keeps the mass."""
    volumes = bump((16, 16, 16), width=2.0)[None, ..., None]
    framed = reframe(volumes, scale=0.5, size=12, fill=np.zeros(1, np.float32))
    assert framed.sum() == pytest.approx(volumes.sum() / 8, rel=0.01)


def test_border_median_of_outermost_pixels_per_channel():
    images = np.random.default_rng(0).random((5, 6, 7, 2), np.float32)
    ring = np.concatenate(
        [images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]], axis=1
    )
    np.testing.assert_array_equal(border_median(images), np.median(ring, axis=(0, 1)))


def test_border_median_before_reframing(tmp_path):
    """Border comes from the images before they are reframed."""
    images = np.random.default_rng(0).random((10, 6, 6)).astype(np.float32)
    images[:, [0, -1]] = images[:, :, [0, -1]] = 0.25
    np.save(tmp_path / "a.npy", images)
    dataset = load(DataOptions(source=f"npy:{tmp_path}/a.npy", size=10, scale=0.8), seed=0)
    assert dataset.fill == pytest.approx(0.25)
    assert dataset.train[0, 0, 0, 0] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("fill", "wanted"), [(0.5, [0.5] * 3), (1, [1.0] * 3), ((0.1, 0.2, 0.3), [0.1, 0.2, 0.3])]
)
def test_fill_value_one_number_or_one_per_channel(fill, wanted):
    value = fill_value(fill, np.zeros((2, 4, 4, 3), np.float32))
    np.testing.assert_allclose(value, wanted)
    assert value.dtype == np.float32


@pytest.mark.parametrize("fill", ["black", (0.1, 0.2), float("nan"), None, ("a", "b", "c"), True])
def test_fill_value_refuses_others(fill):
    """Another fill is refused."""
    with pytest.raises(InputError, match="data.fill=.*3 of them"):
        fill_value(fill, np.zeros((2, 4, 4, 3), np.float32))


def test_load_size_under_four_refused():
    with pytest.raises(InputError, match="data.size=3"):
        load(DataOptions(size=3), seed=0)
