"""Tests of `avae_jax.inference.search.cost`."""

import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference.search.cost import Effort, effort


@pytest.mark.parametrize(
    ("options", "cost"),
    [
        # Starts, then for each one kept: a value and P tangents a step, and a last value.
        (SearchOptions(starts=32, keep=2, steps=5, method="gauss_newton"), 32 + 2 * (5 * 4 + 1)),
        # A value and its reverse gradient count two.
        (SearchOptions(starts=10, keep=3, steps=4, method="adam"), 10 + 3 * (2 * 4 + 1)),
        (SearchOptions(starts=10, keep=3, steps=0, method="adam"), 10),
        (SearchOptions(starts=4, keep=8, steps=1, method="adam"), 4 + 4 * 3),
        # While the explanation is held a step costs one: 16, then 8, 4, 2 and 2 candidates.
        (SearchOptions(starts=16, keep=2, steps=4, polish=0, method="register"), 16 + 16),
        (SearchOptions(starts=16, keep=2, steps=4, polish=3, method="register"), 32 + 2 * 13),
        (SearchOptions(starts=16, keep=2, steps=0, polish=0, method="register"), 16),
        (SearchOptions(starts=4, keep=8, steps=2, polish=0, method="register"), 4 + 4 + 4),
        # Both sides twice, then three parabolas.
        (SearchOptions(starts=6, keep=2, steps=2, polish=3, method="line"), 6 + 2 * 7),
    ],
)
def test_effort_cost_counts_forward_passes(options, cost):
    """For three parameters, transforms left out."""
    prices = Effort(values=1, held=1, full=4, reverse=2)
    assert effort(options.starts, options).cost(prices) == cost
