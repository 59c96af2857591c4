"""The solids: in one pose, within the ball, and without a symmetry under rotation."""

import itertools

import numpy as np
import pytest

from avae_jax.config.options import DataOptions
from avae_jax.data import load
from avae_jax.data.sources.solid_parts import Box, Lathe
from avae_jax.data.sources.solids import make_solids, rasterise


@pytest.fixture(scope="module")
def solids():
    return make_solids(300, side=16, seed=0)


def right_angle_turns(volume):
    """The 23 rotations of a cube but the identity, `[23, *S]`."""
    turned = []
    for axes in itertools.permutations(range(3)):
        for flips in itertools.product((False, True), repeat=3):
            odd = np.linalg.det(np.eye(3)[list(axes)]) < 0
            if odd == (sum(flips) % 2 == 1) and (axes, any(flips)) != ((0, 1, 2), False):
                flipped = [axis for axis, flip in enumerate(flips) if flip]
                turned.append(np.flip(volume.transpose(axes), flipped))
    return np.stack(turned)


def test_the_source_has_ten_even_classes():
    dataset = load(DataOptions(source="solids"), seed=0)
    assert dataset.train.shape == (800, 16, 16, 16, 1) and dataset.test.shape[0] == 200
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    np.testing.assert_array_equal(np.bincount(labels), [100] * 10)
    assert len(dataset.label_names) == 10 and dataset.fill == 0.0 and not dataset.binary


def test_another_seed_splits_the_same_solids_otherwise():
    one, other = (load(DataOptions(source="solids"), seed=seed) for seed in (0, 1))
    total = [dataset.train.sum() + dataset.test.sum() for dataset in (one, other)]
    assert total[0] == pytest.approx(total[1], rel=1e-5)
    assert one.train.sum() != pytest.approx(other.train.sum(), rel=1e-5)


def test_the_same_seed_makes_the_same_solids(solids):
    again = make_solids(20, side=16, seed=0)
    np.testing.assert_array_equal(again.volumes, solids.volumes[:20])
    assert (make_solids(20, side=16, seed=1).volumes != again.volumes).any()


def test_every_solid_lies_within_the_inscribed_ball_and_fills_it(solids):
    ticks = np.arange(16) - 7.5
    away = np.sqrt(sum(grid**2 for grid in np.meshgrid(ticks, ticks, ticks)))
    for volume in solids.volumes[..., 0]:
        assert 5.5 < away[volume > 0].max() < 8.0


def test_every_solid_is_centred(solids):
    for volume in solids.volumes[..., 0]:
        for axis in range(3):
            others = tuple(a for a in range(3) if a != axis)
            occupied = np.flatnonzero(volume.max(axis=others) > 0)
            assert abs((occupied[0] + occupied[-1]) / 2 - 7.5) <= 0.5


def test_no_class_looks_alike_after_a_right_angle_turn(solids):
    for label, name in enumerate(solids.names):
        alike = []
        for volume in solids.volumes[solids.labels == label][:10, ..., 0]:
            turned = right_angle_turns(volume)
            overlap = np.minimum(turned, volume).sum((1, 2, 3))
            alike.append((overlap / np.maximum(turned, volume).sum((1, 2, 3))).max())
        assert np.mean(alike) < 0.75, f"{name}: {np.mean(alike):.2f}"


def test_solids_of_a_class_differ(solids):
    for label in range(10):
        volumes = solids.volumes[solids.labels == label]
        away = np.abs(volumes[1:] - volumes[:1]).sum((1, 2, 3, 4))
        assert away.min() > 1 and away.mean() > 0.1 * volumes[0].sum()


@pytest.mark.parametrize("side", [8, 24])
def test_any_side_can_be_made(side):
    assert make_solids(10, side=side, seed=0).volumes.shape == (10, side, side, side, 1)


def test_a_box_covers_its_own_volume():
    volume = rasterise([Box((0, 0, 0), (1, 2, 3))], side=32, size=1.0)
    unit = np.linalg.norm([1, 2, 3]) / 2 / 15
    assert volume.sum() == pytest.approx(6 / unit**3, rel=0.01)
    assert volume.max() == 1.0 and volume.min() == 0.0


def test_a_leaning_box_keeps_its_volume_and_moves_its_top_back():
    upright = rasterise([Box((0, 0, 0), (1, 1, 3))], side=32, size=1.0)
    leaning = rasterise([Box((0, 0, 0), (1, 1, 3), 0.5)], side=32, size=1.0)
    low, high = (np.argwhere(leaning[:, :, z] > 0.5).mean(0)[1] for z in (6, 25))
    assert high > low + 4
    shrink = np.linalg.norm([1, 1, 3]) / np.linalg.norm([1, 2.5, 3])
    assert leaning.sum() == pytest.approx(upright.sum() * shrink**3, rel=0.05)


def test_a_turned_cone_covers_a_third_of_its_cylinder():
    volume = rasterise([Lathe((0, 0), (0, 2), (1, 0))], side=32, size=1.0)
    unit = np.sqrt(2) / 15
    assert volume.sum() == pytest.approx(2 * np.pi / 3 / unit**3, rel=0.02)
