"""A pose head beside a bank: untrained it changes nothing, trained it proposes better."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blobs import blobs, drawing

from avae_jax.config.options import SearchOptions
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.flops import forward_equivalents
from avae_jax.inference.proposals import head_training, template_bank
from avae_jax.inference.proposals.template_bank import Bank
from avae_jax.inference.search import resolve
from avae_jax.models.augmentation import pose_batch
from avae_jax.models.objective import AVAE
from avae_jax.transform import inverse
from avae_jax.transform.matrices import affine, plane_rotation

pytestmark = pytest.mark.usefixtures("for_an_optimiser")

TURNS, SHAPE = 12, (12, 12)
OPTIONS = SearchOptions(
    starts=3, keep=1, steps=1, polish=1, prototypes=2, turns=TURNS, learned=True, doubt=0.0
)


@functools.cache
def scene() -> tuple[AVAE, dict, Bank, head_training.Head]:
    """A model of one object, its bank and a head that has learned nothing yet."""
    avae, params = drawing(blobs(SHAPE), "rotation")
    build = jax.jit(functools.partial(template_bank.build, avae=avae, turns=TURNS))
    built = build(params, jnp.zeros((2, 2)))
    head = head_training.init(jax.random.key(0), avae=avae, options=resolve(OPTIONS, avae.group))
    return avae, params, built, head


@functools.cache
def observed(count: int) -> tuple[jax.Array, jax.Array]:
    """The object in random poses, and the poses that a search should find."""
    avae, params, _, _ = scene()
    x = jnp.tile(params["image"][None], (count, 1, 1, 1))
    pose = jax.jit(functools.partial(pose_batch, avae=avae))
    posed, applied = pose(jax.random.split(jax.random.key(1), count), x)
    return posed, inverse(applied)


def ranked(built: Bank, x: jax.Array) -> template_bank.Ranking:
    rank = functools.partial(template_bank.rank, avae=scene()[0])
    return jax.jit(jax.vmap(rank, (None, 0)))(built, x)


@functools.cache
def finder():
    """A compiled search, its options and what it is given besides a bank."""
    avae, params, _, _ = scene()
    options, (x, _) = resolve(OPTIONS, avae.group), observed(4)
    find = jax.jit(functools.partial(find_poses, avae=avae, options=options))
    keys = jax.random.split(jax.random.key(2), len(x))
    return functools.partial(find, params, keys, x), options


def test_a_fresh_head_leaves_the_logits_as_they_are():
    (_, _, built, head), (x, _) = scene(), observed(4)
    plain, learned = (ranked(one, x) for one in (built, built._replace(head=head.params)))
    assert plain.logits.shape == (4, TURNS)
    np.testing.assert_array_equal(learned.logits, plain.logits)
    np.testing.assert_array_equal(learned.poses, plain.poses)


def test_there_is_no_head_where_nothing_is_learned():
    avae, key = scene()[0], jax.random.key(0)
    for options in (SearchOptions(), SearchOptions(kind="even"), SearchOptions("original")):
        options = resolve(options, avae.group)
        assert head_training.init(key, avae=avae, options=options) is None


def test_an_untrained_head_costs_time_but_not_loss():
    avae, params, built, head = scene()
    find, options = finder()
    plain, learned = (find(bank=one) for one in (built, built._replace(head=head.params)))
    np.testing.assert_array_equal(learned.pose, plain.pose)
    np.testing.assert_array_equal(learned.loss, plain.loss)
    cost = functools.partial(
        forward_equivalents, params, observed(4)[0][0], avae=avae, options=options
    )
    assert cost(bank=built._replace(head=head.params)) > cost(bank=built)


def test_a_head_that_knows_nothing_good_is_survived():
    """Weights that are not finite, or noise: proposals stay poses, the loss stays finite."""
    (_, _, built, head), (find, _) = scene(), finder()
    for spoil in (lambda leaf: leaf * jnp.nan, lambda leaf: leaf + 3):
        worse = jax.tree.map(spoil, head.params)
        found = find(bank=built._replace(head=worse))
        assert np.isfinite(found.loss).all()
        np.testing.assert_allclose(np.linalg.det(found.pose), np.ones(4), rtol=1e-4)


def test_targets_are_shares_that_peak_at_the_nearest_pose():
    angles = jnp.radians(jnp.arange(0.0, 360.0, 30.0))
    poses = affine(plane_rotation(angles, (0, 1), 2), jnp.zeros((12, 2)))
    width = head_training.spacing(scene()[0], 12)
    assert width == pytest.approx(np.radians(30))
    for degrees in (0.0, 50.0, -100.0):
        found = affine(plane_rotation(jnp.radians(jnp.float32(degrees)), (0, 1), 2), jnp.zeros(2))
        shares = head_training.targets(poses, found, width=width)
        assert shares.sum() == pytest.approx(1, abs=1e-5)
        assert shares.argmax() == round(degrees % 360 / 30)
        # Neighbours at one width have exp(-1/2) of the middle, opposite poses next to nothing.
        assert (shares > 0.05).sum() < 6
    ahead = head_training.targets(poses, poses[0], width=width)
    assert ahead[1] / ahead[0] == pytest.approx(np.exp(-0.5), rel=0.05)


@pytest.mark.parametrize(("d", "turns", "degrees"), [(2, 64, 360 / 64), (3, 512, 30.8)])
def test_the_spacing_is_the_angle_between_neighbours(d, turns, degrees):
    avae, _ = drawing(blobs((8,) * d), "rigid")
    assert np.degrees(head_training.spacing(avae, turns)) == pytest.approx(degrees, rel=0.01)


def test_updates_lower_the_cross_entropy_and_name_the_pose():
    avae, _, built, head = scene()
    # A bank that cannot tell its rotations apart: all is left to the head.
    blank = built._replace(weights=built.weights * 0, bias=built.bias * 0)
    x, found = observed(16)
    update = jax.jit(functools.partial(head_training.update, avae=avae))
    losses = []
    for _ in range(60):
        head, loss = update(head, blank, x, found)
        losses.append(float(loss))
    # It begins where all rotations are as likely as each other.
    assert losses[0] == pytest.approx(np.log(TURNS), rel=1e-3)
    assert losses[-1] < 0.75 * losses[0]
    learned = blank._replace(head=head.params)
    ranking = ranked(learned, x)
    best = np.asarray(ranking.poses)[np.arange(16), ranking.logits.argmax(1)]
    cosine = (best[:, :2, :2] * found[:, :2, :2]).sum((1, 2)) / 2
    assert (np.degrees(np.arccos(np.clip(cosine, -1, 1))) < 45).mean() > 0.9
