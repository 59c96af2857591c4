"""Tests of `avae_jax.report.loss_chart`."""

import numpy as np

from avae_jax.report import loss_chart
from avae_jax.report.findings import Snapshot


def test_loss_chart_averages_long_training():
    """Long training is averaged."""
    metrics = [{"step": i, "loss": float(i % 2)} for i in range(4000)]
    loss = loss_chart.column(metrics, "loss")
    assert len(loss) == loss_chart.POINTS
    np.testing.assert_allclose(loss, 0.5)


def test_loss_chart_has_held_out_losses_at_their_steps():
    metrics = [{"step": step, "loss": 9.0, "nll": 8.0, "kl": 1.0} for step in (10, 20, 30)]
    none = np.zeros(0)
    moments = [Snapshot(step, none, none, 0.5, loss=loss) for step, loss in ((0, 12.0), (25, 7.0))]
    found = loss_chart.numbers(metrics, [*moments, Snapshot(30, none, none, 0.5)])
    np.testing.assert_array_equal(found["step"], [0, 10, 20, 25, 30])
    np.testing.assert_array_equal(found["held_out"], [12, np.nan, np.nan, 7, np.nan])
    np.testing.assert_array_equal(found["loss"], [np.nan, 9, 9, np.nan, 9])
    assert b"held out 7" in loss_chart.draw(metrics, moments)
    assert b"held out" not in loss_chart.draw(metrics, [])
