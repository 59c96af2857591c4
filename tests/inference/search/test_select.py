"""Tests of `avae_jax.inference.search.select`."""

import functools

import jax
import numpy as np
import pytest

from avae_jax.inference.search.select import best_apart, lowest, near
from avae_jax.transform.matrices import plane_rotation
from avae_jax.transform.sampling import mirror

ROTATE = jax.jit(plane_rotation, static_argnums=(1, 2))
BEST_APART = jax.jit(best_apart, static_argnames=("keep", "degrees"))
LOWEST = jax.jit(lowest)


def turns(*degrees: float, axes: tuple[int, int] = (0, 1), d: int = 2) -> np.ndarray:
    return np.asarray(ROTATE(np.radians(np.float32(degrees)), axes, d))


def kept(poses: np.ndarray, losses: list[float], keep: int, degrees: float) -> list[int]:
    return BEST_APART(poses, np.float32(losses), keep=keep, degrees=degrees).tolist()


@pytest.mark.standard
def test_best_apart_keeps_the_best_apart():
    """The best are kept that are apart."""
    poses = turns(0, 10, 20, 90, 100, -175, 179)
    losses = [1, 0, 2, 5, 4, 7, 6.0]
    assert kept(poses, losses, 3, 0.0) == [1, 0, 2]
    assert kept(poses, losses, 3, 15.0) == [1, 4, 6]
    # 5 and 6 are 6 degrees apart, across the cut of the angle.
    assert kept(poses, losses, 4, 5.0) == [1, 0, 2, 4]


def test_best_apart_near_ones_follow():
    """Near ones follow where too few are apart."""
    assert kept(turns(0, 1, 2, 90), [0, 1, 2, 3.0], 4, 15.0) == [0, 3, 1, 2]


def test_best_apart_not_finite_last():
    """Losses that are not finite come last."""
    nothing = [np.nan, np.inf, 3, -np.inf, 2]
    losses = np.where(np.isfinite(nothing), nothing, np.inf)
    assert kept(turns(0, 90, 1, 180, 2), losses, 3, 15.0)[:2] == [4, 2]
    assert sorted(kept(turns(0, 90, 1), [np.inf] * 3, 3, 15.0)) == [0, 1, 2]


def test_lowest_is_the_first_as_argmin():
    """The lowest is the first of them as argmin finds it."""
    values = np.random.default_rng(0).integers(0, 4, (9, 5, 3)).astype(np.float32)
    values[2, 1] = np.inf
    np.testing.assert_array_equal(LOWEST(values), values.argmin(0))
    assert LOWEST(np.full(4, np.inf, np.float32)) == 0


@pytest.mark.parametrize(("axes", "d"), [((0, 1), 2), ((0, 2), 3)])
def test_near_to_the_angle_asked_for(axes, d):
    poses = turns(0, 14.5, -14.5, 15.5, axes=axes, d=d)
    found = jax.jit(functools.partial(near, degrees=15.0))(poses, poses[:1])
    assert found[:, 0].tolist() == [True, True, True, False]


@pytest.mark.parametrize("d", [2, 3])
def test_best_apart_mirror_images_are_apart(d):
    """The mirror image of a pose is no pose near it."""
    turned = turns(40, 45, d=d)
    poses = np.stack([turned[0], turned[1], turned[0] @ np.asarray(mirror(d))[:d, :d]])
    assert kept(poses, [0, 1, 2.0], 2, 15.0) == [0, 2]
