"""Noisy stacks: vectors of images, nuisances, poses found and their convention."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.evaluation.pose_metrics import label_means, pose_errors
from avae_jax.inference.averaging import align_images
from avae_jax.inference.averaging.condition import conditioned
from avae_jax.inference.averaging.disc import Disc, from_disc, lower, moved, to_disc
from avae_jax.inference.averaging.model import contrast_moments, evidence
from avae_jax.inference.averaging.turn import turned, turned_back
from benchmarks.stacks.particles import RODS, Case, draw, particles

SIDE = 16
DISC = Disc(SIDE, 7)
STILL = np.zeros((1, 2))


def drawn(angle: float = 0.0, shift: tuple[float, float] = (0.0, 0.0), side: int = SIDE):
    return draw(RODS["hinged"][0], side, np.array([angle]), np.array([shift]))


@pytest.mark.standard
@pytest.mark.parametrize("side", [16, 17])
def test_products_of_vectors_are_those_of_images(side):
    one, other = drawn(side=side)[0], drawn(40.0, side=side)[0]
    disc = Disc(side, (side - 1) // 2)
    a, b = to_disc(one, disc), to_disc(other, disc)
    wanted = ((one - one.mean()) * (other - other.mean())).sum()
    np.testing.assert_allclose((a * b).sum(), wanted, rtol=2e-3)
    np.testing.assert_allclose(to_disc(from_disc(a, disc, 2 * side), disc), a, atol=1e-5)


@pytest.mark.standard
@pytest.mark.parametrize(
    ("angle", "shift"),
    [(90.0, (0.0, 0.0)), (33.0, (0.0, 0.0)), (0.0, (1.0, -2.0)), (-70, (1.3, 0.4))],
)
def test_a_vector_turns_and_moves_as_its_object_does(angle, shift):
    vector = to_disc(drawn()[0], DISC)
    made = moved(
        turned(vector[None], jnp.radians(jnp.array([angle])), DISC)[0], jnp.array([shift]), DISC
    )
    wanted = to_disc(drawn(angle, shift)[0], DISC)
    assert ((made[0] - wanted) ** 2).sum() < 2e-3 * (wanted**2).sum()


@pytest.mark.standard
def test_turning_back_undoes_turning():
    vector = to_disc(drawn()[0], DISC)[None]
    angles = jnp.radians(jnp.array([0.0, 25.0, 140.0]))
    back = turned_back(turned(vector, angles, DISC), angles, DISC, jnp.float32(1.2)) / 3
    assert ((back - vector) ** 2).sum() < 1e-2 * (vector**2).sum()


def test_a_smaller_disc_is_a_part_of_a_larger_one():
    small = Disc(SIDE, 3)
    image = drawn(20.0)[0]
    # One by one: together they might be rounded in another way.
    found = lower(np.asarray(jax.jit(functools.partial(to_disc, disc=DISC))(image)), DISC, small)
    np.testing.assert_allclose(found, jax.jit(functools.partial(to_disc, disc=small))(image))


def test_the_contrast_is_integrated_out():
    """Against a sum over contrasts."""
    product, norm, variance = 7.0, 5.0, 0.3
    contrasts = np.linspace(-6, 8, 20001)
    logs = contrasts * product - contrasts**2 * norm / 2 - (contrasts - 1) ** 2 / (2 * variance)
    weight = np.exp(logs) / np.sqrt(2 * np.pi * variance)
    step = contrasts[1] - contrasts[0]

    @jax.jit
    def integrated(*given):
        return evidence(*given), *contrast_moments(*given)

    found, mean, square = integrated(*map(np.float32, (product, norm, variance)))
    np.testing.assert_allclose(found, np.log(weight.sum() * step), rtol=1e-4)
    np.testing.assert_allclose(mean, (weight * contrasts).sum() / weight.sum(), rtol=1e-4)
    np.testing.assert_allclose(square, (weight * contrasts**2).sum() / weight.sum(), rtol=1e-4)


NOISE = np.random.default_rng(0).normal(0, 1, (60, 20, 20, 1))
WHOLE = np.clip(8 - np.hypot(*(np.mgrid[:20, :20] - 9.5)), 0, 1)[..., None]


@pytest.mark.parametrize(
    ("images", "gradients", "dark"),
    [
        (NOISE + 2 * WHOLE, False, False),
        (NOISE - 2 * WHOLE, False, True),
        (40 * (NOISE + 2 * WHOLE) - 7000, False, False),
        (NOISE + WHOLE + 2 * np.linspace(-1, 1, 20)[:, None, None] * NOISE[:, :1, :1], True, False),
    ],
    ids=["plain", "dark", "scaled", "gradients"],
)
def test_backgrounds_are_about_zero_and_noise_about_one(images, gradients, dark):
    made = conditioned(images)
    corner = made.images[:, :3, :3]
    assert abs(corner.mean()) < 0.1 and abs(corner.std() - 1) < 0.1
    assert (made.gradients, made.dark, made.hot) == (gradients, dark, 0.0)


def test_hot_pixels_are_replaced_and_nothing_else_is():
    images = NOISE + 2 * WHOLE
    images[5, 4, 7] = 60.0
    made = conditioned(images)
    assert made.hot == 1 / images.size
    clean = np.where(np.random.default_rng(0).random((60, 20, 20, 1)) < 0.05, 1.0, 0.0)
    assert conditioned(clean).hot == 0.0


def test_noise_of_an_images_own_is_evened_out():
    gain = np.where(np.arange(60) % 2, 3.0, 1.0)[:, None, None, None]
    loud = conditioned(gain * NOISE).images[:, :3, :3].std((1, 2, 3))
    assert np.median(loud[1::2]) < 1.3 * np.median(loud[::2])


@pytest.mark.parametrize(
    ("images", "options", "said"),
    [
        (np.zeros((9, 16)), {}, "wanted"),
        (np.ones((9, 16, 16)), {}, "one value everywhere"),
        (np.full((9, 16, 16), np.nan), {}, "not finite"),
        (NOISE, {"num_classes": 31}, "num_classes=31, wanted 1 to 30"),
        (NOISE, {"max_shift": -1.0}, "max_shift=-1.0"),
    ],
)
def test_what_cannot_be_aligned_is_refused(images, options, said):
    with pytest.raises(InputError, match=said):
        align_images(images, **options)


@pytest.fixture(scope="module")
def aligned():
    stack = particles(Case("test", size=SIDE, snr=1.0, shift=1.0), count=240, seed=3)
    return stack, align_images(stack.images, seed=0, num_classes=3)


@pytest.mark.full
def test_poses_carry_each_image_to_the_canonical_pose(aligned):
    stack, found = aligned
    applied = np.tile(np.eye(3), (240, 1, 1))
    cos, sin = np.cos(np.radians(stack.angles)), np.sin(np.radians(stack.angles))
    applied[:, :2, :2] = np.moveaxis(np.array([[cos, -sin], [sin, cos]]), -1, 0)
    applied[:, :2, 2] = stack.shifts / (SIDE / 2)
    ends = found.poses @ applied
    error = pose_errors(ends, label_means(ends, np.zeros(240, int))).degrees
    assert np.median(error) < 4 and (error < 20).mean() > 0.97
    places = ends[:, :2, 2] * SIDE / 2
    assert np.median(np.linalg.norm(places - np.median(places, axis=0), axis=1)) < 0.5


@pytest.mark.full
def test_classes_and_how_sure_they_are(aligned):
    stack, found = aligned
    table = np.zeros((3, 3))
    np.add.at(table, (stack.classes, found.classes), 1)
    assert table.max(1).sum() > 0.9 * 240
    np.testing.assert_allclose(found.class_posterior.sum(1), 1, rtol=1e-5)
    assert found.averages.shape == (3, SIDE, SIDE, 1)
    assert 0.5 < np.median(found.sd_deg) < 5 and np.median(found.gap_nats) > 5
    assert 0.2 < found.spread_px < 1.2
    assert 0.02 < np.median(found.shift_sd_px) < 0.5 and found.elsewhere.mean() < 0.05


@pytest.mark.full
@pytest.mark.parametrize("seed", [3, 4])
def test_an_object_that_half_a_turn_does_not_change_is_one_class(seed):
    """More classes would be more poses of each image, unless each class has them all."""
    stack = particles(Case("test", shape="half_turn", size=SIDE, snr=0.4), count=240, seed=seed)
    assert len(align_images(stack.images, seed=0).averages) == 1
