"""A pose head beside a bank: untrained it changes nothing, trained it proposes better."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference.proposals import head_training
from avae_jax.inference.search import resolve
from avae_jax.transform.matrices import affine, plane_rotation
from tests.support.head_cases import TURNS, observed, ranked, scene
from tests.support.single_object import blobs, drawing

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def test_init_none_where_nothing_is_learned():
    """There is no head where nothing is learned."""
    avae, key = scene()[0], jax.random.key(0)
    for options in (SearchOptions(), SearchOptions(kind="even"), SearchOptions("original")):
        options = resolve(options, avae.group)
        assert head_training.init(key, avae=avae, options=options) is None


def test_targets_peak_at_the_nearest_pose():
    """Targets are shares that peak at the nearest pose."""
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
def test_spacing_is_the_angle_between_neighbours(d, turns, degrees):
    avae, _ = drawing(blobs((8,) * d), "rigid")
    assert np.degrees(head_training.spacing(avae, turns)) == pytest.approx(degrees, rel=0.01)


def test_update_lowers_the_cross_entropy():
    """Updates lower the cross entropy and name the pose."""
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
