"""Tests of `avae_jax.report.cells`."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.report import cells
from tests.support.report_samples import gallery, written


def words(chart):
    return {"".join(node.itertext()) for node in chart.iter() if node.tag.endswith("}text")}


@pytest.mark.standard
def test_page_of_volumes_has_histograms_in_degrees(tmp_path):
    """Volumes have histograms with degrees."""
    page = written(tmp_path, gallery=gallery((8, 8, 8, 1), count=2))
    seen = words(page.charts()["Found poses per label at moments of training"])
    assert {"0\u00b0", "90\u00b0", "180\u00b0", "cat", "step 300", "resultant 0.90"} <= seen


@pytest.mark.parametrize(
    ("degrees", "tip"), [(0, (0, -1)), (90, (-1, 0)), (-90, (1, 0)), (180, (0, 1)), (540, (0, 1))]
)
def test_cells_beams_point_where_the_top_goes(degrees, tip):
    share, agreement = cells.plane(np.array([degrees - 4.0, degrees + 4.0]))
    assert share.max() == 1.0 and agreement > 0.99
    beam = cells._beams(cells.Cell(0.0, 0.0, 1.0, share, agreement), share)
    middle = beam.vertices[1:6].mean(axis=0)
    np.testing.assert_allclose(middle / np.linalg.norm(middle), tip, atol=1e-6)


def test_cells_agreement_tells_spread_from_settled():
    assert cells.plane(np.arange(0.0, 360.0, 10.0))[1] < 1e-6
    assert cells.space(np.zeros(5))[1] == pytest.approx(1.0)
    turns = np.degrees(Rotation.random(4000, random_state=0).magnitude())
    assert cells.space(turns)[1] < 0.05
    assert cells.space(np.zeros(0))[0].sum() == 0.0
