"""Tests of `avae_jax.report.error_chart`."""

import numpy as np
import pytest

from avae_jax import report
from avae_jax.report.error_chart import draw, numbers

LABEL = report.LabelAgreement(0, 4, 0.5, 0.5, 0.5, 1.0, 0.0)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_draw_names_the_half_turn(dimensions):
    half = report.Agreement(np.array([1.0, 2.0, 178.0, 179.0]), (LABEL,), dimensions)
    assert b"half a turn off: 50%" in draw(half)
    columns = numbers(half)
    assert columns["share"][0] == columns["share"][-1] == 0.5 and len(columns["to_deg"]) == 18
    assert sum(columns["share_at_random"]) == pytest.approx(1, abs=0.01)
    assert b"half a turn off" not in draw(half._replace(degrees=np.array([1.0, 30.0])))
