"""Noisy volumes: what is read between voxels, poses found and their convention, classes."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.core.errors import InputError
from avae_jax.inference.averaging.volumes import align, align_volumes
from avae_jax.inference.averaging.volumes.classes import clusters, components
from avae_jax.inference.averaging.volumes.level import Level, Volumes, pooled, recentred
from avae_jax.inference.averaging.volumes.model import (
    ball,
    cube,
    filtered,
    finished,
    read,
    shell_correlation,
    spread_out,
)
from avae_jax.inference.averaging.volumes.ready import ready
from benchmarks.stacks.solid_particles import VolumeCase, solids
from benchmarks.stacks.volumes import Found, errors

SIDE = 16
DRAWS = np.random.default_rng(0).normal(size=(3, SIDE, SIDE, SIDE)).astype(np.float32)


@pytest.mark.standard
def test_fields_are_read_linearly_and_spread_out_by_the_transpose():
    field, points = DRAWS[0][..., None], np.float32(Rotation.random(20, random_state=1).as_rotvec())
    exact = read(jnp.asarray(cube(4).reshape(4, 4, 4, 3)), jnp.asarray(points) * 0.4)
    np.testing.assert_allclose(exact, points * 0.4, atol=1e-5)
    values = np.float32(points[:, :1])
    back = spread_out(jnp.asarray(values), jnp.asarray(points), SIDE)
    one = (np.asarray(read(jnp.asarray(field), jnp.asarray(points))) * values).sum()
    assert one == pytest.approx(float((np.asarray(back)[:, 0] * field.ravel()).sum()), rel=1e-4)


def test_blocks_are_means_of_what_was_observed():
    seen = np.ones_like(DRAWS)
    seen[0, :2, :2, :2] = 0
    level = Level(SIDE, 2, 1, 2, 1.0)
    blocks = pooled(Volumes(DRAWS * seen, seen, np.zeros((3, 3))), level)
    assert blocks.sums.shape == (3, 7, len(level.points))
    still = int(np.flatnonzero((level.shifts == 0).all(1))[0])
    at = np.flatnonzero((level.points == [1, 1, 1]).all(1))[0]
    wanted = DRAWS[1, 8:10, 8:10, 8:10].mean()
    assert blocks.sums[1, still, at] == pytest.approx(wanted, rel=1e-4)
    moved = pooled(
        recentred(Volumes(DRAWS, seen, np.zeros((3, 3))), np.full((3, 3), [2, 0, 0])), level
    )
    one = np.flatnonzero((level.shifts == [2, 0, 0]).all(1))[0]
    assert moved.sums[1, still, at] == pytest.approx(blocks.sums[1, one, at], rel=1e-4)


def test_shells_of_equal_and_of_independent_volumes():
    np.testing.assert_allclose(shell_correlation(DRAWS[0], DRAWS[0]), 1, rtol=1e-4)
    assert np.abs(shell_correlation(DRAWS[0], DRAWS[1])[4:]).max() < 0.35


def test_noise_beside_an_object_is_left_out_of_its_average():
    """A small object in noise: filtered by shell and place, and by shell alone."""
    far = np.linalg.norm(cube(SIDE) - np.array([3.0, 0.0, -2.0]), axis=1).reshape((SIDE,) * 3)
    true = 4 * np.exp(-((far / 2) ** 2))
    halves = np.stack([true + DRAWS[0], true + DRAWS[1]])
    made, shrunk = finished(halves, np.ones_like(halves), 1)
    plain = ball(SIDE) * filtered(ball(SIDE) * halves.mean(0), shrunk)
    away = (far > 6) & (ball(SIDE) > 0.5)
    assert (made[away] ** 2).mean() < 0.3 * (plain[away] ** 2).mean()
    assert ((made - true) ** 2).sum() < ((plain - true) ** 2).sum()


def test_clusters_are_those_beyond_chance():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(120, 300)), np.arange(120) % 2
    assert not components(rows, 0, rng).size
    scores = components(rows + 6 * labels[:, None] * (np.arange(300) < 9), 0, rng)
    found = clusters(scores, range(1, 5), rng, least=0.05)
    assert found.max() == 1 and abs(np.corrcoef(found, labels)[0, 1]) > 0.95


def test_volumes_are_filled_to_cubes_about_their_background():
    draws = 5 * np.random.default_rng(0).normal(size=(4, 10, 16, 13)) + 300
    draws[1, 3] = np.nan
    made = ready(draws)
    assert made.volumes.values.shape == (4, 16, 16, 16) and made.before == (3, 0, 1)
    assert made.volumes.observed[1].sum() == 9 * 16 * 13
    assert abs(made.volumes.values.mean()) < 0.05 and made.scale == pytest.approx(5, rel=0.1)
    assert ball(SIDE)[8, 8, 8] == 1 and ball(SIDE)[0, 0, 0] == 0


@pytest.mark.parametrize(
    ("volumes", "options", "said"),
    [
        (np.zeros((9, 16)), {}, "wanted"),
        (np.ones((9, 16, 16, 16)), {}, "one value everywhere"),
        (np.full((9, 16, 16, 16), np.nan), {}, "nothing that was observed"),
        (DRAWS, {"num_classes": 2}, "num_classes=2, wanted 1 to 1"),
        (DRAWS, {"max_shift": -1.0}, "max_shift=-1.0"),
    ],
)
def test_what_cannot_be_aligned_is_refused(volumes, options, said):
    with pytest.raises(InputError, match=said):
        align_volumes(volumes, **options)


@pytest.mark.full
def test_poses_carry_each_volume_to_the_canonical_pose(monkeypatch):
    """With fewer starts and rotations than by default, to be quick."""
    for name, value in {"STARTS": 2, "FEW": 576, "MANY": 1152}.items():
        monkeypatch.setattr(align, name, value)
    case = VolumeCase("small", "chair", 0.5, 1, size=SIDE, shift=1.0, hidden=0.1)
    stack = solids(case, count=48, seed=3)
    found = align_volumes(stack.volumes, num_classes=1)
    rotations = np.swapaxes(found.poses[:, :3, :3], 1, 2)
    figures = errors(stack, Found(rotations, found.shift_px, found.classes))
    assert figures["median_deg"] < 8 and figures["within20"] > 0.9 and figures["shift_px"] < 0.5
    carried = np.einsum("nij,nj->ni", found.poses[:, :3, :3], found.shift_px)
    np.testing.assert_allclose(carried, -found.poses[:, :3, 3] * SIDE / 2, atol=1e-4)
    assert found.averages.shape == (1, SIDE, SIDE, SIDE, 1)
    assert found.stable is not None and found.stable.examples == 48
    assert found.stable.jumps < 0.1 and found.stable.median_deg < 8
    assert 0 < np.median(found.sd_deg) < 15 and np.median(found.gap_nats) > 3
