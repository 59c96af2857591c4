"""Tests of `avae_jax.report.settled`."""

import numpy as np
import pytest

from avae_jax import report
from avae_jax.report import settled, summary


def label(index=0, within=0.5, half=0.0, two=0.5, alike=0.0):
    return report.LabelAgreement(index, 20, within, half, 0.5, two, alike)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (label(within=0.8), settled.SETTLED),
        (label(within=0.79, two=0.8, half=0.05), settled.OPEN),
        (label(within=0.79, two=0.9, half=0.1), settled.TWO_POSES),
        (label(within=0.4, two=0.9, half=0.5, alike=0.5), settled.SYMMETRIC),
        # Poses spread evenly lie half a turn off in one of nine cases.
        (label(within=0.11, two=0.22, half=0.11), settled.OPEN),
        (label(within=0.9, two=1.0, half=0.1, alike=1.0), settled.SETTLED),
    ],
)
def test_state_of_a_label(found, expected):
    assert settled.state(found) == expected


def test_sentence_names_the_labels_of_each_kind():
    labels = (label(0, within=1.0), label(1, two=1.0, half=0.4), label(2, two=1, half=1, alike=1))
    said = settled.sentence(report.Agreement(np.zeros(3), labels, 2), ("cat", "dog"))
    assert said == (
        "1 of 3 labels have settled on one pose; 2 looks alike after half a turn and keeps both "
        "poses; dog keeps two poses half a turn apart."
    )
    for state in (settled.SETTLED, settled.SYMMETRIC, settled.TWO_POSES):
        assert settled.count(report.Agreement(np.zeros(3), labels, 2), state) == 1
    one = settled.sentence(report.Agreement(np.zeros(3), labels[:1], 2), ())
    assert one == "The examples have settled on one pose."
    assert settled.sentence(report.Agreement(np.zeros(0), (), 2), ()) == ""


@pytest.mark.parametrize(
    ("counts", "search", "said"),
    [
        ({"settled": 2, "two_poses": 0, "open": 0, "symmetric": 1}, True, ""),
        ({"two_poses": 1, "open": 1}, True, "another seed"),
        ({"two_poses": 0, "open": 1}, True, "search.preset=thorough"),
        ({"two_poses": 1, "open": 1}, False, "train.search=false"),
        ({}, True, ""),
    ],
)
def test_advice_helps_labels_that_are_not_settled(counts, search, said):
    found = summary.Summary(
        settling=summary.Settling(**counts), train=summary.Training(search=search)
    )
    assert said in settled.advice(found) and bool(said) == bool(settled.advice(found))


def test_listed_ends_with_and():
    assert settled.listed(["a"]) == "a" and settled.listed(["a", "b"]) == "a and b"
    assert settled.listed(["a", "b", "c"]) == "a, b and c"
    assert settled.listed(list("abcdef")) == "a, b, c, d, e and f"
    assert settled.listed(list("abcdefg")) == "a, b, c, d, e and 2 others"
