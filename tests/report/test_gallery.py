"""Tests of `avae_jax.report.gallery`."""

import pytest

from avae_jax.report.gallery import MOST, ROWS, pictures, rows
from tests.support.report_samples import gallery


@pytest.mark.standard
@pytest.mark.parametrize("shape", [(9, 9, 1), (9, 7, 3), (6, 6, 6, 1)])
def test_pictures_of_every_row(shape):
    found = pictures(gallery(shape=shape, count=3))
    assert {field: len(uris) for field, uris in found.items()} == {field: 3 for field, _ in ROWS}
    assert all(u.startswith("data:image/png;base64,") for uris in found.values() for u in uris)


def test_rows_show_at_most_so_many():
    shown = gallery(count=MOST + 5, labels=False)
    found = rows(shown, ())
    assert len(found) == MOST and found[0]["label"] is None
    assert found[3]["loss_after"] == shown.loss_after[3]
    assert [one["label"] for one in rows(gallery(count=3), ("cat", "dog"))] == ["cat", "dog", "2"]
