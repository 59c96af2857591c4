"""Tests of `avae_jax.evaluation.summary`."""

import pytest

from avae_jax.evaluation.summary import settled
from avae_jax.report.summary import PoseErrors, Summary, Training


@pytest.mark.parametrize(
    ("length", "search", "said"),
    [
        (0.9, True, "has settled"),
        (0.5, True, "in part settled"),
        (0.2, True, "not settled"),
        (0.2, False, None),
        (None, True, None),
    ],
)
def test_settled_says_whether_and_what_to_do(length, search, said):
    found = Summary(pose=PoseErrors(resultant_length=length), train=Training(search=search))
    text = settled(found)
    assert text == "" if said is None else said in text
    assert said != "not settled" or "train.steps" in text
