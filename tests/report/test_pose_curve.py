"""Tests of `avae_jax.report.pose_curve`."""

import numpy as np
import pytest

from avae_jax.report import pose_curve
from avae_jax.report.findings import Curve


@pytest.mark.parametrize("lost", [0, 2, 5])
def test_draw_names_both_lines_and_survives_absent_values(lost):
    degrees, losses = np.linspace(-180, 180, 5), np.full(5, 120.0)
    losses[:lost] = np.nan
    text = pose_curve.draw(Curve(degrees, np.full(5, 160.0), losses, "rotation (degrees)"))
    assert b"without search" in text and b"rotation (degrees)" in text
    assert (b">with search" in text) == (lost < 5)


@pytest.mark.parametrize(("at_right", "said"), [(-5.0, "dips"), (5.0, "peaks"), (0.1, "")])
def test_right_angles_dip_or_peak(at_right, said):
    degrees = np.linspace(-180, 180, 25)
    losses = 100 + np.random.default_rng(0).normal(0, 0.3, 25)
    losses[degrees % 90 == 0] += at_right
    assert pose_curve.right_angles(Curve(degrees, losses, losses, "x")) == said
    assert pose_curve.right_angles(Curve(degrees / 10, losses, losses, "x")) == ""
    assert pose_curve.right_angles(None) == ""
