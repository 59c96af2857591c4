"""Tests of `avae_jax.report.loss_chart`."""

import numpy as np

from avae_jax.report import loss_chart


def test_loss_chart_averages_long_training():
    """Long training is averaged."""
    metrics = [{"step": i, "loss": float(i % 2)} for i in range(4000)]
    loss = loss_chart.column(metrics, "loss")
    assert len(loss) == loss_chart.POINTS
    np.testing.assert_allclose(loss, 0.5)
