"""Tests of `avae_jax.evaluation.summary`: every number of a few measurements made by hand."""

import types

import numpy as np
import pytest

from avae_jax.config.options import DataOptions, EvalOptions, Options, TrainOptions
from avae_jax.evaluation.reliability import STATED
from avae_jax.evaluation.summary import print_summary, summarise
from avae_jax.inference.marginal import Evidence
from avae_jax.report import Agreement, LabelAgreement, Reliability
from avae_jax.report.summary import MarginalBound, Settling, Training, Uncertainty
from avae_jax.transform import family

OFF = np.array([0, -4, 8, 12, -19, 21, 30, 40, -50, 100, 180.0])
EACH = np.arange(len(OFF), dtype=float)


def poses(degrees, shift=0.0):
    angle = np.radians(degrees)
    found = np.tile(np.eye(3), (len(angle), 1, 1))
    found[:, 0, 0] = found[:, 1, 1] = np.cos(angle)
    found[:, 1, 0], found[:, 0, 1] = np.sin(angle), -np.sin(angle)
    found[:, 0, 2] = shift
    return found


def task(name, **data):
    options = Options(data=DataOptions(source="x", **data), eval=EvalOptions(marginal_samples=7))
    return types.SimpleNamespace(
        options=options,
        dataset=types.SimpleNamespace(train=[0] * 30, test=[0] * 20, label_names=()),
        avae=types.SimpleNamespace(group=family(name, 2)),
        search=types.SimpleNamespace(preset="fast"),
    )


def measured():
    """Objects turned by 30 degrees, found off by `OFF` of what their labels share."""
    search = types.SimpleNamespace(nonfinite=np.array([0, 2, 1]))
    return types.SimpleNamespace(
        found=poses(OFF - 30, shift=0.1),
        applied=poses(np.full(len(OFF), 30.0)),
        target=poses(np.zeros(len(OFF))),
        labels=np.zeros(len(OFF), int),
        upright=EACH,
        posed=EACH + 1,
        posed_search=EACH + 2,
        posed_true=EACH + 3,
        outside=EACH + 4,
        cropped=EACH + 5,
        forward_equivalents=30.0,
        seconds_per_example=0.5,
        result=search,
    )


BOUNDS = Evidence(
    np.array([-3.0, -7.0]), np.array([0.1, 0.1]), np.array([2.0, 3.0]), np.array([0.9, 0.2])
)
RELIABLE = Reliability(
    STATED, (0.4, 0.6, 0.7, 0.8, 0.9), (0.5, 0.7, 0.85, 0.9, 0.98), 64,
    {"temperature": 2.0, "width": 1.5, "tail": 0.1, "reach": 3.0}, 4.5, 0.125, 0.25,
)  # fmt: skip


def test_summary_of_poses_and_losses():
    found = summarise(task("rigid"), measured(), BOUNDS, None, RELIABLE, Training(steps=3))
    loss, pose = found.loss, found.pose
    assert (loss.upright, loss.posed, loss.posed_search, loss.posed_true) == (5, 6, 7, 8)
    assert loss.marginal == 5.0
    assert found.marginal == MarginalBound(
        error=2.0, effective=2.5, untrusted=0.5, examples=2, samples=7
    )
    assert found.uncertainty == Uncertainty(
        examples=64, median_deg=4.5, elsewhere=0.125, found_elsewhere=0.25, held_50=0.5,
        held_90=0.85, held_99=0.98, held_90_of_model=0.7,
        temperature=2.0, width=1.5, tail=0.1, reach=3.0,
    )  # fmt: skip
    assert (found.canonical.outside, found.canonical.cropped) == (9, 10)
    assert pose.median_deg == pytest.approx(21)
    assert pose.p90_deg == pytest.approx(100)
    assert pose.within_20 == pytest.approx(5 / 11)
    mean = np.exp(1j * np.radians(OFF)).mean()
    assert pose.resultant_length == pytest.approx(abs(mean))
    fourth = np.exp(4j * np.radians(OFF - 30)).mean()
    assert pose.quarter_turn == pytest.approx(abs(fourth))
    # Of a side, which is two coordinates long.
    assert pose.median_shift == pytest.approx(0.05)
    assert (found.search.forward_equivalents, found.search.seconds_per_example) == (30, 0.5)
    assert (found.search.preset, found.search.nonfinite) == ("fast", 3)
    assert (found.data.train, found.data.test, found.data.evaluated) == (30, 20, 11)
    assert found.train.steps == 3


def test_summary_leaves_out_what_does_not_apply():
    shifted = summarise(task("translation"), measured(), None, None, None, Training())
    assert shifted.loss.marginal is None and shifted.marginal == MarginalBound()
    assert shifted.pose.median_shift == pytest.approx(0.05)
    assert shifted.pose.median_deg is shifted.pose.within_20 is shifted.pose.p90_deg is None
    as_is = task("rotation", pose="as_is")
    assert as_is.options.train == TrainOptions() and not as_is.options.one_pose
    found = summarise(as_is, measured(), None, None, None, Training())
    assert set(vars(found.pose).values()) == {None} and found.loss.posed_true is None


def test_summary_and_print_say_what_the_report_says(capsys):
    labels = (LabelAgreement(0, 9, 0.9, 0, 1, 0.9, 0), LabelAgreement(1, 9, 0.6, 0.4, 0, 1, 0))
    agreed = Agreement(np.abs(OFF), labels, 2)
    named = task("rotation")
    named.dataset.label_names = ("cat", "dog")
    found = summarise(named, measured(), None, agreed, RELIABLE, Training(search=True))
    said = "1 of 2 labels have settled on one pose; dog keeps two poses half a turn apart."
    assert found.settling == Settling(said, 2, 1, 0, 1, 0)
    print_summary(found)
    out = capsys.readouterr().out
    assert "regions of 90 % hold 85% of 64 true poses (70% as the model states them)" in out
    assert out.endswith(f"{said} More updates (train.steps) or another seed can help.\n")


def test_print_leaves_out_losses_that_do_not_compare(capsys):
    noisy = measured()
    noisy.upright = EACH + 9
    for each, said in ((measured(), "upright 5.00, posed 6.00"), (noisy, "nats: posed 6.00")):
        print_summary(summarise(task("rotation"), each, None, None, None, Training()))
        assert said in capsys.readouterr().out
