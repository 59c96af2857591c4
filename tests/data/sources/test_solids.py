"""The solids: in one pose, within the ball, and without a symmetry under rotation."""

import numpy as np
import pytest

from avae_jax.config.options import DataOptions
from avae_jax.data import load
from avae_jax.data.sources.solids import make_solids
from tests.support.solids import thirty_of_each_class


@pytest.fixture(scope="module")
def solids():
    return thirty_of_each_class()


@pytest.fixture(scope="module")
def dataset():
    return load(DataOptions(source="solids"), seed=0)


@pytest.mark.standard
def test_solids_ten_even_classes(dataset):
    """The source has ten even classes."""
    assert dataset.train.shape == (800, 16, 16, 16, 1) and dataset.test.shape[0] == 200
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    np.testing.assert_array_equal(np.bincount(labels), [100] * 10)
    assert len(dataset.label_names) == 10 and dataset.fill == 0.0 and not dataset.binary


@pytest.mark.full
def test_solids_split_by_the_seed(dataset):
    """Another seed splits the same solids otherwise."""
    one, other = dataset, load(DataOptions(source="solids"), seed=1)
    total = [dataset.train.sum() + dataset.test.sum() for dataset in (one, other)]
    assert total[0] == pytest.approx(total[1], rel=1e-5)
    assert one.train.sum() != pytest.approx(other.train.sum(), rel=1e-5)


@pytest.mark.standard
def test_make_solids_same_seed_same_solids(solids):
    """The same seed makes the same solids."""
    again = make_solids(20, side=16, seed=0)
    np.testing.assert_array_equal(again.volumes, solids.volumes[:20])
    assert (make_solids(20, side=16, seed=1).volumes != again.volumes).any()


def test_make_solids_within_the_inscribed_ball(solids):
    """Every solid lies within the inscribed ball and fills it."""
    ticks = np.arange(16) - 7.5
    away = np.sqrt(sum(grid**2 for grid in np.meshgrid(ticks, ticks, ticks)))
    for volume in solids.volumes[..., 0]:
        assert 5.5 < away[volume > 0].max() < 8.0


def test_make_solids_centred(solids):
    """Every solid is centred."""
    for volume in solids.volumes[..., 0]:
        for axis in range(3):
            others = tuple(a for a in range(3) if a != axis)
            occupied = np.flatnonzero(volume.max(axis=others) > 0)
            assert abs((occupied[0] + occupied[-1]) / 2 - 7.5) <= 0.5


@pytest.mark.parametrize("side", [8, 24])
def test_make_solids_any_side(side):
    """Any side can be made."""
    assert make_solids(10, side=side, seed=0).volumes.shape == (10, side, side, side, 1)
