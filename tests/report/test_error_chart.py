"""Tests of `avae_jax.report.error_chart`."""

import numpy as np
import pytest

from avae_jax import report
from avae_jax.report.error_chart import draw

LABEL = report.LabelAgreement(0, 4, 0.5, 0.5, 0.5)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_draw_names_the_half_turn(dimensions):
    half = report.Agreement(np.array([1.0, 2.0, 178.0, 179.0]), (LABEL,), dimensions)
    assert b"half a turn off: 50%" in draw(half)
    assert b"half a turn off" not in draw(half._replace(degrees=np.array([1.0, 30.0])))
