"""Tests of `avae_jax.report.gallery`."""

import pytest

from avae_jax.report.gallery import MOST, table
from tests.support.report_samples import gallery


@pytest.mark.parametrize("shape", [(9, 9, 1), (9, 7, 3), (6, 6, 6, 1)])
def test_table_has_four_pictures_an_example(shape):
    text = table(gallery(shape=shape, count=3), ("cat", "dog", "bird"))
    assert text.count("data:image/png;base64,") == 4 * 3
    for name in ("cat", "dog", "bird"):
        assert name in text


def test_table_shows_at_most_so_many():
    text = table(gallery(count=MOST + 5, labels=False), ())
    assert text.count("data:image/png;base64,") == 4 * MOST and "<thead>" not in text
