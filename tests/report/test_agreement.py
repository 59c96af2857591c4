"""Tests of `avae_jax.report.agreement`."""

import numpy as np
import pytest

from avae_jax import report
from avae_jax.report.agreement import chance, labels, shares, verdict
from tests.support.report_samples import findings

SETTLED = report.LabelAgreement(0, 60, 0.95, 0.0, 0.97, 0.95, 0.0)
DIVIDED = report.LabelAgreement(1, 40, 0.6, 0.4, 0.3, 1.0, 0.1)
OPEN = report.LabelAgreement(2, 20, 0.5, 0.05, 0.4, 0.55, 0.1)


def agreement(*labels, degrees=(1.0, 2.0, 3.0, 179.0)):
    return report.Agreement(np.array(degrees), labels, 2)


def test_verdict_counts_examples_and_labels():
    said = verdict(findings(agreement=agreement(SETTLED, DIVIDED, OPEN)))
    assert said.startswith("75% of 4 held-out examples were brought within 20 degrees")
    assert "poses at random would give 11%" in said
    assert "1 of 3 labels have settled on one pose; dog keeps two poses half a turn apart." in said


def test_verdict_of_one_label_speaks_of_one_pose():
    said = verdict(findings(agreement=agreement(SETTLED), label_names=()))
    assert "of one common pose" in said and "labels" not in said
    assert "The examples have settled on one pose." in said


def test_verdict_without_known_poses_is_of_losses():
    said = verdict(findings())
    assert "from 164.6 to 119.2 nats" in said and "%" not in said
    assert verdict(findings(summary=report.Summary())) == ""


@pytest.mark.parametrize(("dimensions", "share"), [(2, 20 / 180), (3, 0.00225)])
def test_chance_is_that_of_random_rotations(dimensions, share):
    assert chance(dimensions) == pytest.approx(share, rel=0.01)
    if dimensions == 3:
        quaternions = np.random.default_rng(0).normal(size=(400_000, 4))
        cosine = np.abs(quaternions[:, 0]) / np.linalg.norm(quaternions, axis=1)
        near = (2 * np.degrees(np.arccos(cosine)) < 20).mean()
        assert chance(3) == pytest.approx(near, rel=0.1)


def test_labels_say_the_state_of_each():
    found = labels(findings(agreement=agreement(SETTLED, DIVIDED, OPEN)))
    assert [one["state"] for one in found["labels"]] == ["settled", "two poses", "open"]
    assert [one["name"] for one in found["labels"]] == ["cat", "dog", "bird"]
    assert found["labels"][0]["within_20"] == 0.95
    assert found["at_random_within_20"] == pytest.approx(1 / 9)
    unnamed = labels(findings(agreement=agreement(SETTLED), label_names=()))
    assert unnamed["labels"][0]["name"] == "all"
    assert labels(findings()) is None and labels(findings(agreement=agreement(degrees=()))) is None


def test_shares_sum_to_one():
    edges, share = shares(np.array([0.0, 9.9, 90.0, 180.0]))
    np.testing.assert_allclose(share[[0, 9, 17]], [0.5, 0.25, 0.25])
    assert edges[0] == 0 and edges[-1] == 180
