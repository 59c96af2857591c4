"""Tests of `avae_jax.report.settling`."""

import pytest

from avae_jax.report import settling
from tests.support.report_samples import moments, written


def words(chart):
    return {"".join(node.itertext()) for node in chart.iter() if node.tag.endswith("}text")}


@pytest.mark.standard
def test_settling_shows_first_and_last_moments(tmp_path):
    """The first and last moments are shown."""
    page = written(tmp_path, moments=moments(count=30))
    seen = words(page.charts()["Found poses per label at moments of training"])
    steps = {word for word in seen if word.startswith("step")}
    assert {"step 0", "step 2,900"} <= steps and len(steps) == settling.MOMENTS
