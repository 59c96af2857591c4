"""The report: strict JSON, a self-contained page, pictures that say what they should."""

import math
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from avae_jax import report
from avae_jax.report import summary
from tests.support.report_samples import (
    NASTY,
    Page,
    findings,
    gallery,
    moments,
    plain_files,
    written,
)


def words(chart):
    return {"".join(node.itertext()) for node in chart.iter() if node.tag.endswith("}text")}


def test_page_has_all_pictures_and_numbers():
    """All pictures and numbers are there."""
    page = Page(plain_files()["index.html"])
    assert list(page.charts()) == [
        "Found poses per label at moments of training",
        "Loss against the pose of the input",
        "Loss against the step of training",
        "Agreement of poses against the step of training",
    ]
    pictures = [a for tag, a in page.tags if tag == "img" and "class" not in a]
    assert len(pictures) == 4 * 12 + 3 * 8
    said = " ".join(page.words)
    for expected in ("119.2", "164.6", "reconstruction in the input's frame", "data.source=digits"):
        assert expected in said
    assert {"without search", "with search", "mean 119"} <= words(
        page.charts()["Loss against the pose of the input"]
    )


def test_page_loads_nothing_from_elsewhere():
    """Nothing is loaded from elsewhere."""
    page = plain_files()["index.html"]
    # One name space, which is not a place of the network.
    assert page.count("http:") == page.count("http://www.w3.org/2000/svg")
    assert "https:" not in page and "@import" not in page and page.count("<script") == 2
    references = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert all(reference.startswith(("data:", "#")) for reference in references)
    assert sorted(plain_files()) == ["data.json", "index.html", "summary.json"]


@pytest.mark.standard
def test_page_same_bytes_for_the_same_findings(tmp_path):
    """The same findings give the same bytes."""
    for name in ("a", "b"):
        report.write(tmp_path / name, findings())
    a, b = ((tmp_path / name / "index.html").read_bytes() for name in ("a", "b"))
    assert a == b


def test_page_escapes_text_from_outside(tmp_path):
    """Outside text is escaped everywhere."""
    page = written(
        tmp_path,
        label_names=NASTY,
        title=NASTY[0],
        config={NASTY[0]: NASTY[1], "list": ["</pre>", None]},
        summary=report.Summary(data=summary.Data(source=NASTY[0])),
        curve=findings().curve._replace(axis_label="$" + NASTY[0]),
        gallery=gallery()._replace(pose_text=("<b>1</b>",) * 12),
    )
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert "<b>1</b>" in page.words and NASTY[0] in page.words
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    names = words(page.charts()["Found poses per label at moments of training"])
    assert any(name.startswith("<script>") for name in names)
    assert any("$x" in name for name in names)
    assert any(name.startswith("\u732b \U0001f408") for name in names)


@pytest.mark.standard
@pytest.mark.parametrize(
    "changes",
    [
        {"gallery": gallery(labels=False), "label_names": ()},
        {"gallery": gallery((7, 13, 3), count=1)},
        {"gallery": gallery((13, 7, 2), count=2)},
        {"gallery": gallery((5, 5, 4), count=3)},
        {"gallery": gallery((6, 7, 8, 1), count=2)},
        {"gallery": gallery((6, 6, 6, 3), count=1)},
        {"gallery": gallery(count=15)},
        {"gallery": gallery()._replace(loss_after=np.full(12, np.nan))},
        {"gallery": gallery()._replace(reconstruction=np.full((12, 9, 9, 1), np.nan))},
        {"gallery": report.Gallery(*[np.zeros((1, 6, 6, 6, 1))] * 4, None, [1.0], [1.0], ("0",))},
        {"moments": (), "curve": None, "metrics": ()},
        {"moments": moments(labels=30)},
        {"moments": moments(count=20)},
        {"moments": (report.Snapshot(0, np.full(3, np.nan), np.zeros(3, int), math.nan),)},
        {"moments": (report.Snapshot(0, np.zeros(0), np.zeros(0, int), 0.0),)},
        {"curve": report.Curve(np.zeros(2), np.full(2, np.nan), np.array([1, np.nan]), "x")},
        {"curve": report.Curve(np.zeros(0), np.zeros(0), np.zeros(0), "x")},
        {"curve": report.Curve(np.arange(3.0), -np.ones(3), -2 * np.ones(3), "shift")},
        {"metrics": ({"step": 1, "loss": math.nan, "nll": None}, {"eval": 1})},
        {"metrics": ({"step": 1, "loss": 5.0},)},
        {"metrics": ({"step": 1, "loss": -5.0, "nll": -6.0, "kl": 1.0},)},
        {"summary": report.Summary(), "config": {}},
        {"summary": report.Summary(loss=summary.Losses(posed=0.0, posed_search=1e9))},
    ],
)
def test_page_narrow_cases(tmp_path, changes):
    page = written(tmp_path, **changes)
    count = min(12, len(changes.get("gallery", gallery()).observation))
    assert sum(tag == "img" and "class" not in a for tag, a in page.tags) == 4 * count + 3 * min(
        8, count
    )


@pytest.mark.standard
def test_page_small_with_large_pictures(tmp_path):
    """Large pictures keep the page small."""
    written(tmp_path, gallery=gallery((300, 240, 3)))
    assert (tmp_path / "index.html").stat().st_size < 3e6


@pytest.mark.standard
def test_page_leaves_no_trace_and_import_is_cheap(tmp_path):
    """Drawing leaves no trace and import is cheap."""
    code = """
import sys, avae_jax.report as report
assert "matplotlib" not in sys.modules and "scipy" not in sys.modules
from avae_jax.report import pose_curve
import numpy as np, matplotlib
pose_curve.draw(report.Curve(np.arange(3.0), np.ones(3), np.ones(3), "x"))
assert "matplotlib.pyplot" not in sys.modules
assert matplotlib.rcParams["svg.fonttype"] == matplotlib.rcParamsDefault["svg.fonttype"]
"""
    root = pathlib.Path(report.__file__).parents[2]
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=root)
