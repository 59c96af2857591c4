"""Tests of `avae_jax.evaluation.agreement`."""

import types

import numpy as np
import pytest

from avae_jax.evaluation.agreement import agreement, alike_turned, from_most_common
from avae_jax.report import settled
from avae_jax.transform import family


def poses(degrees):
    angle = np.radians(np.asarray(degrees, float))
    found = np.zeros((*angle.shape, 3, 3))
    found[..., 0, 0] = found[..., 1, 1] = np.cos(angle)
    found[..., 1, 0], found[..., 0, 1] = np.sin(angle), -np.sin(angle)
    found[..., 2, 2] = 1
    return found


def test_two_poses_are_seen_where_their_mean_is_neither():
    """Of two poses half a turn apart, equally frequent, the mean may lie across."""
    away = from_most_common(poses([0, 5, -5, 178, 180, -178, 0]))
    np.testing.assert_allclose(np.sort(away), [0, 0, 5, 5, 178, 178, 180], atol=1e-3)
    np.testing.assert_allclose(from_most_common(poses([30.0])), [0], atol=1e-3)


def test_most_common_pose_in_space():
    turns = np.tile(np.eye(4), (5, 1, 1))
    turns[3:, :3, :3] = np.diag([1.0, -1.0, -1.0])
    np.testing.assert_allclose(from_most_common(turns), [0, 0, 0, 180, 180], atol=1e-3)


def result(found, others, behind):
    """Found poses, another candidate each and how much worse it is."""
    losses = np.stack([np.full(len(found), 7.0), 7.0 + np.asarray(behind)], 1)
    candidates = np.stack([poses(found), poses(others)], 1)
    return types.SimpleNamespace(pose=poses(found), candidates=candidates, candidate_losses=losses)


def test_alike_turned_wants_half_a_turn_and_a_close_loss():
    found = result([0, 10, 20, 30], [180, -165, 110, 210], [1.0, 4.9, 0.1, 5.1])
    assert alike_turned(found).tolist() == [True, True, False, False]


@pytest.mark.parametrize(("behind", "state"), [(1.0, "half-turn symmetric"), (9.0, "two poses")])
def test_agreement_tells_symmetric_labels_from_divided_ones(behind, state):
    degrees = np.array([0, 180, 0, 180, 0, 180, 0, 180, 0, 0, 0, 0.0])
    labels = np.repeat([0, 1], [8, 4])
    searched = result(degrees, degrees + 180, np.full(12, behind))
    measured = types.SimpleNamespace(
        found=searched.pose,
        applied=poses(np.zeros(12)),
        target=poses(np.zeros(12)),
        labels=labels,
        result=searched,
    )
    group = family("rotation", 2)
    options = types.SimpleNamespace(one_pose=True)
    task = types.SimpleNamespace(options=options, avae=types.SimpleNamespace(group=group))
    first, second = agreement(task, measured).labels
    assert (settled.state(first), settled.state(second)) == (state, settled.SETTLED)
    assert first.two_poses == pytest.approx(1) and first.half_turn == pytest.approx(0.5)
    task.options.one_pose = False
    assert agreement(task, measured) is None
