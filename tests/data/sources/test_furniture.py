"""Tests of `avae_jax.data.sources.furniture`."""

import itertools

import numpy as np
import pytest

from tests.support.solids import thirty_of_each_class


@pytest.fixture(scope="module")
def solids():
    return thirty_of_each_class()


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


@pytest.mark.standard
def test_furniture_no_class_alike_after_a_right_angle(solids):
    """No class looks alike after a right angle turn."""
    for label, name in enumerate(solids.names):
        alike = []
        for volume in solids.volumes[solids.labels == label][:10, ..., 0]:
            turned = right_angle_turns(volume)
            overlap = np.minimum(turned, volume).sum((1, 2, 3))
            alike.append((overlap / np.maximum(turned, volume).sum((1, 2, 3))).max())
        assert np.mean(alike) < 0.75, f"{name}: {np.mean(alike):.2f}"


def test_furniture_of_a_class_differs(solids):
    """Solids of a class differ."""
    for label in range(10):
        volumes = solids.volumes[solids.labels == label]
        away = np.abs(volumes[1:] - volumes[:1]).sum((1, 2, 3, 4))
        assert away.min() > 1 and away.mean() > 0.1 * volumes[0].sum()
