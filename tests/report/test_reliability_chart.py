"""Tests of `avae_jax.report.reliability_chart`."""

import numpy as np

from avae_jax import report
from avae_jax.report.reliability_chart import draw, numbers

FOUND = report.Reliability(
    (0.5, 0.9), (0.24, 0.46123), (0.51, 0.912345), 64, {"width": 1.5}, 4.5, 0.1, 0.2
)


def test_chart_shows_both_lines_and_what_chance_allows():
    """Its columns are those that the page offers as a table."""
    drawn = draw(FOUND)
    for name in (b"calibrated", b"as the model states", b"as often as said, by chance"):
        assert name in drawn
    columns = numbers(FOUND)
    np.testing.assert_array_equal(columns["held_of_model"], [0.24, 0.4612])
    np.testing.assert_array_equal(columns["held"], [0.51, 0.9123])


def test_nothing_stated_has_no_chart():
    """As of examples in unknown poses."""
    assert numbers(None) is None
