"""Tests of `avae_jax.report.agreement_chart`."""

import math

from avae_jax.report.agreement_chart import draw, numbers
from tests.support.report_samples import moments


def test_draw_wants_two_moments():
    assert b"0.90" in draw(moments(count=4))
    assert numbers(moments(count=1)) is None
    unknown = [moment._replace(resultant_length=math.nan) for moment in moments()]
    assert numbers(unknown) is None
