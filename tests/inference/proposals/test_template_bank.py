"""The bank of posed prototypes and the moments it stands on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax import models
from avae_jax.config.options import ModelOptions, RangeOptions
from avae_jax.evaluation.pose_metrics import pose_errors
from avae_jax.inference.proposals import template_bank
from avae_jax.models import wrap
from avae_jax.models.affine_model import affine_vae
from avae_jax.models.likelihoods import LIKELIHOODS
from avae_jax.transform.families import family
from avae_jax.transform.frame import frame
from avae_jax.transform.sampling import random_pose
from avae_jax.transform.warp import warp
from tests.support.alignment_cases import turn
from tests.support.single_object import FILL, RANGES, blobs, drawing

pytestmark = pytest.mark.standard


# Three blobs fix a whitened volume only up to its axes, so `affine` has no single pose in 3-D.
@pytest.mark.full_cases("rotation-shape4", "rigid-shape5", "similarity-shape2")
@pytest.mark.parametrize(
    ("name", "shape"),
    [(name, (32, 32)) for name in ("rotation", "rigid", "similarity", "affine")]
    + [(name, (20, 20, 20)) for name in ("rotation", "rigid", "similarity")],
)
def test_propose_one_near_the_applied_pose(name, shape):
    """One of the proposals is near the pose that was applied."""
    avae, params = drawing(blobs(shape), name)
    image = params["image"]
    turns = {2: 64, 3: 512}[len(shape)]
    build = jax.jit(functools.partial(template_bank.build_templates, avae=avae, turns=turns))
    built = build(params, jnp.zeros((2, 2)))
    draw = jax.jit(jax.vmap(lambda key: random_pose(key, avae.group, RANGES)))
    poses = draw(jax.random.split(jax.random.key(0), 12))
    move = functools.partial(warp, source=avae.inner, target=avae.inner)
    x = jax.jit(jax.vmap(move, (None, 0, None)))(image, poses, avae.fill)
    propose = functools.partial(
        template_bank.propose_starts, built, avae=avae, count=8, degrees=15.0
    )
    found = np.asarray(jax.jit(jax.vmap(propose))(x).poses)
    moved = np.einsum("bkij,bjl->bkil", found, np.asarray(poses))
    identity = np.broadcast_to(np.eye(len(shape) + 1), moved.shape[1:])
    errors = [pose_errors(candidates, identity) for candidates in moved]
    nearest = np.array([error.degrees.min() for error in errors])
    shifts = np.array([error.shift[error.degrees.argmin()] for error in errors])
    assert (nearest < 30).mean() > 0.9, nearest
    assert (shifts < 0.06).mean() > 0.9, shifts


def test_centres_of_clusters_found():
    means = np.float32([[0, 0], [10, 0], [0, 10], [-10, -10]])
    # One of each cluster by turns, four in all, two to either side.
    spread = np.float32([[1, 0], [-1, 0], [0, 2], [0, -2]])
    points = jnp.asarray((means[None] + spread[:, None]).reshape(-1, 2))
    found = np.asarray(template_bank.kmeans(points, 4))
    errors = np.abs(found[:, None] - means[None]).max(-1)
    np.testing.assert_allclose(errors.min(0), np.zeros(4), atol=1e-5)
    np.testing.assert_array_equal(found, template_bank.kmeans(points, 4))


def test_centres_no_more_than_points():
    points = jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), jnp.float32)
    for count in (5, 9):
        np.testing.assert_array_equal(template_bank.kmeans(points, count), points)


def test_centres_of_equal_points():
    """As before the first update, where nothing has been met."""
    found = template_bank.kmeans(jnp.zeros((256, 3)), 16)
    np.testing.assert_array_equal(found, np.zeros((16, 3)))
    lone = jnp.zeros((20, 2)).at[7].set(5.0)
    assert np.isfinite(template_bank.kmeans(lone, 4)).all()


def test_centres_single_is_the_mean():
    """A single centre is the mean."""
    points = jnp.asarray(np.random.default_rng(0).normal(size=(30, 3)), jnp.float32)
    np.testing.assert_allclose(template_bank.kmeans(points, 1)[0], points.mean(0), atol=1e-5)


@pytest.mark.full_cases("shape1")
@pytest.mark.parametrize("shape", [(12, 10), (8, 9, 8)])
def test_build_together_as_alone(shape):
    """Channels and prototypes are not mixed up, whatever is left of the rotations at the end."""
    model, params = models.build(jax.random.key(0), shape, 2, options=ModelOptions(hidden=(16,)))
    avae = affine_vae(
        model, frame(shape), jnp.array([0.1, 0.6]), group=family("rotation", len(shape))
    )
    z = 3 * jax.random.normal(jax.random.key(1), (3, 8))
    build = jax.jit(
        functools.partial(
            template_bank.build_templates, params, avae=avae, turns=template_bank.TOGETHER + 5
        )
    )
    together, alone = build(z), [build(one[None]) for one in z]
    for name in ("weights", "bias", "poses"):
        rows = np.concatenate([getattr(one, name) for one in alone])
        np.testing.assert_allclose(getattr(together, name), rows, atol=1e-3)
    assert np.abs(together.weights[0] - together.weights[1]).max() > 0.1


@pytest.mark.parametrize("shown", [0, 1])
def test_score_templates_believes_the_prototype_that_explains_best(shown):
    """Of two objects that lie and stand apart, the one that is seen tells the pose."""
    group, inner, fill = family("rigid", 2), frame((16, 16)), jnp.asarray(FILL)
    model = wrap(lambda params, x: (x.reshape(-1)[:2], jnp.zeros(2)), draw_of_two)
    avae = affine_vae(model, inner, fill, group=group)
    move = jax.jit(functools.partial(warp, fill=fill, source=inner, target=inner))
    image = jnp.asarray(blobs((16, 16)))
    objects = jnp.stack([image, move(image**3, turn(120.0, shift=[0.3, 0.0]))])
    seen = move(objects[shown], turn(70.0))

    @jax.jit
    def best(objects: jax.Array, seen: jax.Array) -> jax.Array:
        bank = template_bank.build_templates(objects, jnp.eye(2), avae=avae, turns=36)
        poses, logits = template_bank.score_templates(bank, seen, avae=avae)
        return poses[logits.argmax()]

    found = np.asarray(best(objects, seen)) @ turn(70.0)
    error = pose_errors(found[None], np.eye(3)[None])
    assert error.degrees[0] < 15 and error.shift[0] < 0.05


def draw_of_two(params: jax.Array, z: jax.Array) -> jax.Array:
    """Which of two objects is drawn is the larger entry of `z`."""
    return jnp.where(z[0] > z[1], params[0], params[1])


@pytest.mark.quick
@pytest.mark.parametrize(
    ("shape", "side", "pooled", "factor"),
    [((24, 20), 10, (8, 7), 3), ((10, 7), 10, (10, 7), 1), ((11, 3), 10, (6, 2), 2)],
)
def test_pooled_frame_fits_the_side(shape, side, pooled, factor):
    """No side is longer, and no block smaller than it has to be."""
    found, blocks = template_bank.pooled_frame(frame(shape), side)
    assert (found.shape, blocks) == (pooled, factor) and found.unit == frame(shape).unit
    assert found.spacing == tuple(factor * s for s in frame(shape).spacing)


@pytest.mark.quick
@pytest.mark.parametrize("reflect", [False, True])
def test_rotations_come_with_their_mirror_images(reflect):
    ranges = RangeOptions(reflect=reflect)
    found = jax.jit(lambda: template_bank.rotations(family("rotation", 2), ranges, 5))()
    signs = np.linalg.det(np.asarray(found))
    np.testing.assert_allclose(signs, [1] * 5 + [-1] * 5 * reflect, atol=1e-6)


@pytest.mark.standard
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_scores_of_masked_images_are_those_of_whole_ones(likelihood):
    """Where every pixel was observed; a template gains nothing from the others."""
    chance = np.random.default_rng(0)
    group, inner, fill = family("rotation", 2), frame((10, 10)), jnp.zeros(1)
    model = wrap(lambda params, x: (jnp.zeros(1), jnp.zeros(1)), draw_of_two)
    avae = affine_vae(model, inner, fill, group=group, likelihood=likelihood)
    means = jnp.asarray(chance.uniform(0.1, 0.9, (1, 3, 100)), jnp.float32)
    rows, bias = LIKELIHOODS[likelihood].templates(means)
    bank = template_bank.TemplateBank(rows, bias, jnp.broadcast_to(jnp.eye(3), (1, 3, 3, 3)))
    x = jnp.asarray(chance.random((10, 10, 1)), jnp.float32)
    score = jax.jit(
        lambda: [
            template_bank.score_templates(bank, x, avae=avae._replace(masked=masked)).logits
            for masked in (False, True)
        ]
    )
    whole, masked = score()
    np.testing.assert_allclose(masked, whole, atol=1e-4)
    assert np.ptp(whole) > 0.01


@pytest.mark.standard
def test_doubt_is_the_share_far_from_earlier_proposals():
    poses = template_bank.rotations(family("rotation", 2), RangeOptions(), 8)
    logits = jnp.float32([0, 5, 0, 4, 0, 3, 0, 0])
    avae, _ = drawing(blobs((8, 8)), "rotation")
    with pytest.MonkeyPatch.context() as patch:
        ranking = template_bank.Ranking(poses, logits)
        patch.setattr(template_bank, "score_templates", lambda *_, **__: ranking)
        propose = functools.partial(template_bank.propose_starts, None, None, avae=avae)
        found = jax.jit(functools.partial(propose, count=3, degrees=30.0))()
    shares = np.exp(logits) / np.exp(logits).sum()
    left = [1, 1 - shares[1], 1 - shares[1] - shares[3]]
    np.testing.assert_allclose(found.doubt, left, rtol=1e-4)
    np.testing.assert_allclose(found.poses, poses[np.array([1, 3, 5])], atol=1e-5)
