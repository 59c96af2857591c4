"""The report: strict JSON, a self-contained page, pictures that say what they should."""

import base64
import html.parser
import json
import math
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax import report
from avae_jax.core.errors import InputError
from avae_jax.report import cells, loss_chart, picture, settling, summary, table, text, volume

VOID = {"meta", "link", "img", "input"}
SUMMARY = report.Summary(
    loss=summary.Losses(upright=121.3, posed=164.6, posed_search=119.2),
    pose=summary.PoseErrors(median_deg=6.3, within_20=0.87, resultant_length=0.85),
    canonical=summary.CanonicalFrame(outside=0.001, cropped=0.0004),
    search=summary.SearchCost(forward_equivalents=41.2, seconds_per_example=0.0049, preset="fast"),
    train=summary.Training(steps=600, seconds=81.5),
)


def gallery(shape=(9, 9, 1), count=12, labels=True):
    key = np.random.default_rng(0)
    pictures = (key.uniform(0, 1, (count, *shape)).astype(np.float32) for _ in range(4))
    losses = key.uniform(50, 90, (2, count))
    named = np.arange(count) % 3 if labels else None
    return report.Gallery(*pictures, named, *losses, tuple(f"{10 * i} deg" for i in range(count)))


def moments(labels=3, count=4):
    key = np.random.default_rng(1)
    return tuple(
        report.Snapshot(100 * i, key.uniform(0, 180, 60), key.integers(0, labels, 60), 0.3 * i)
        for i in range(count)
    )


def findings(**changes):
    degrees = np.arange(-180.0, 181.0, 30.0)
    steps = np.arange(10, 310, 10)
    whole = report.Findings(
        title="digits, rotation",
        config={"data": {"source": "digits", "size": 0}, "search": {"kind": None}, "seed": 0},
        summary=SUMMARY,
        gallery=gallery(),
        curve=report.Curve(degrees, 160 - degrees / 10, degrees * 0 + 119, "rotation (degrees)"),
        moments=moments(),
        metrics=tuple(
            {"step": int(s), "loss": 100 + 900 / s, "nll": 85 + 900 / s, "kl": 15.0} for s in steps
        ),
        label_names=("cat", "dog", "bird"),
    )
    return whole._replace(**changes)


class Page(html.parser.HTMLParser):
    """What a page holds; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    def charts(self):
        """The charts as parsed SVG, by their alternative text."""
        found = {}
        for tag, attributes in self.tags:
            if tag == "img" and attributes.get("class") == "chart":
                data = base64.b64decode(attributes["src"].partition("base64,")[2])
                found[attributes["alt"]] = xml.etree.ElementTree.fromstring(data)
        return found


def written(folder, **changes):
    report.write(folder, findings(**changes))
    return Page((folder / "index.html").read_text(encoding="utf-8"))


def words(chart):
    return {"".join(node.itertext()) for node in chart.iter() if node.tag.endswith("}text")}


def test_all_pictures_and_numbers_are_there(tmp_path):
    page = written(tmp_path / "report")
    assert list(page.charts()) == [
        "Found poses per label at moments of training",
        "Loss against the pose of the input",
        "Loss against the step of training",
    ]
    pictures = [a for tag, a in page.tags if tag == "img" and "class" not in a]
    assert len(pictures) == 4 * 12
    said = " ".join(page.words)
    for expected in ("119.2", "164.6", "reconstruction in the input's frame", "data.source=digits"):
        assert expected in said
    assert {"without search", "with search", "mean 119"} <= words(
        page.charts()["Loss against the pose of the input"]
    )


def test_nothing_is_loaded_from_elsewhere(tmp_path):
    written(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "http:" not in page and "https:" not in page and "@import" not in page
    assert "<script" not in page
    references = re.findall(r'(?:src|href)="([^"]{0,30})', page)
    assert all(reference.startswith("data:") for reference in references)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["index.html", "summary.json"]


def test_summary_is_strict_json(tmp_path):
    losses = summary.Losses(posed=math.nan, upright=np.float32(0.5))
    odd = report.Summary(loss=losses, train=summary.Training(steps=np.int64(3)))
    written(tmp_path, summary=odd)
    kept = json.loads((tmp_path / "summary.json").read_text(), parse_constant=pytest.fail)
    assert kept["loss"]["posed"] is None and kept["loss"]["upright"] == 0.5
    assert kept["train"]["steps"] == 3 and kept["format"] == summary.FORMAT
    written(tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text()) == SUMMARY.to_dict()


def test_the_same_findings_give_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        report.write(tmp_path / name, findings())
    a, b = ((tmp_path / name / "index.html").read_bytes() for name in ("a", "b"))
    assert a == b


NASTY = (
    "<script>alert(1)</script>",
    'a "quoted" $x_1$ & $\\frac',
    "\u732b \U0001f408 \x00\x07\ud800 \u202eabc " + "long " * 80,
)


def test_outside_text_is_escaped_everywhere(tmp_path):
    page = written(
        tmp_path,
        label_names=NASTY,
        title=NASTY[0],
        config={NASTY[0]: NASTY[1], "list": ["</pre>", None]},
        summary=report.Summary(data=summary.Data(source=NASTY[0])),
        curve=findings().curve._replace(axis_label="$" + NASTY[0]),
        gallery=gallery()._replace(pose_text=("<b>1</b>",) * 12),
    )
    assert "script" not in {tag for tag, _ in page.tags}
    assert "<b>1</b>" in page.words and NASTY[0] in page.words
    names = words(page.charts()["Found poses per label at moments of training"])
    assert any(name.startswith("<script>") for name in names)
    assert any("$x" in name for name in names)
    assert any(name.startswith("\u732b \U0001f408") for name in names)


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
def test_narrow_cases(tmp_path, changes):
    page = written(tmp_path, **changes)
    count = min(12, len(changes.get("gallery", gallery()).observation))
    assert sum(tag == "img" and "class" not in a for tag, a in page.tags) == 4 * count


def test_volumes_have_histograms_with_degrees(tmp_path):
    page = written(tmp_path, gallery=gallery((8, 8, 8, 1), count=2))
    seen = words(page.charts()["Found poses per label at moments of training"])
    assert {"0\u00b0", "90\u00b0", "180\u00b0", "cat", "step 300", "resultant 0.90"} <= seen


def test_large_pictures_keep_the_page_small(tmp_path):
    written(tmp_path, gallery=gallery((300, 240, 3)))
    assert (tmp_path / "index.html").stat().st_size < 3e6


def test_a_failure_leaves_the_old_report(tmp_path):
    written(tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(TypeError):
        report.write(
            tmp_path,
            findings(title="new", summary=report.Summary(loss=summary.Losses(posed=object()))),
        )
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"report folder .*file.*"):
        report.write(tmp_path / "file", findings())


def test_drawing_leaves_no_trace_and_import_is_cheap(tmp_path):
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


@pytest.mark.parametrize(
    ("degrees", "tip"), [(0, (0, -1)), (90, (-1, 0)), (-90, (1, 0)), (180, (0, 1)), (540, (0, 1))]
)
def test_beams_point_where_the_top_goes(degrees, tip):
    share, agreement = cells.plane(np.array([degrees - 4.0, degrees + 4.0]))
    assert share.max() == 1.0 and agreement > 0.99
    beam = cells._beams(cells.Cell(0.0, 0.0, 1.0, share, agreement), share)
    middle = beam.vertices[1:6].mean(axis=0)
    np.testing.assert_allclose(middle / np.linalg.norm(middle), tip, atol=1e-6)


def test_agreement_tells_spread_from_settled():
    assert cells.plane(np.arange(0.0, 360.0, 10.0))[1] < 1e-6
    assert cells.space(np.zeros(5))[1] == pytest.approx(1.0)
    turns = np.degrees(Rotation.random(4000, random_state=0).magnitude())
    assert cells.space(turns)[1] < 0.05
    assert cells.space(np.zeros(0))[0].sum() == 0.0


def test_the_first_and_last_moments_are_shown(tmp_path):
    page = written(tmp_path, moments=moments(count=30))
    seen = words(page.charts()["Found poses per label at moments of training"])
    steps = {word for word in seen if word.startswith("step")}
    assert {"step 0", "step 2,900"} <= steps and len(steps) == settling.MOMENTS


def test_long_training_is_averaged():
    metrics = [{"step": i, "loss": float(i % 2)} for i in range(4000)]
    loss = loss_chart.column(metrics, "loss")
    assert len(loss) == loss_chart.POINTS
    np.testing.assert_allclose(loss, 0.5)


def test_the_view_is_upright_and_not_mirrored():
    down, right, away = volume.view_axes()
    np.testing.assert_allclose(
        np.stack([down, right, away]) @ volume.view_axes().T, np.eye(3), atol=1e-12
    )
    np.testing.assert_allclose(np.cross(right, down), away, atol=1e-12)
    assert down[2] < -0.8 and abs(right[2]) < 1e-12 and away[1] > 0.7


def test_matter_shows_where_it_is():
    blob = np.zeros((12, 12, 12, 1))
    blob[4:8, 4:8, 9:12] = 1.0
    seen = volume.render(blob, radius=9.0, size=32)[..., 3] > 0
    assert seen[:14].any() and not seen[18:].any()
    columns = np.flatnonzero(seen.any(axis=0))
    assert abs(columns.mean() - 15.5) < 1.5


def test_near_matter_hides_far_matter():
    offset = np.indices((16, 16, 16)).T - [7.5, 3.5, 7.5]
    ball, wall = np.zeros((2, 16, 16, 16, 1))
    ball[..., 0] = np.linalg.norm(offset, axis=-1).T < 3.5
    wall[:, 13:15] = 1.0
    ball_alone, wall_alone, both = (
        volume.render(x, radius=12.0, size=48).astype(int) for x in (ball, wall, ball + wall)
    )
    overlap = (ball_alone[..., 3] == 255) & (wall_alone[..., 3] == 255)
    assert overlap.sum() > 50
    to_ball, to_wall = (np.abs(both - x)[overlap].mean() for x in (ball_alone, wall_alone))
    assert to_ball < 0.3 * to_wall


def test_an_image_keeps_its_shape_and_colours():
    from io import BytesIO

    from PIL import Image

    image = np.zeros((4, 8, 3), np.float32)
    image[:2, :, 0] = 1.0
    shown = np.asarray(Image.open(BytesIO(picture.png(image, radius=0.0))))
    assert shown.shape == (80, 160, 3)
    np.testing.assert_array_equal(shown[0, 0], [255, 0, 0])
    np.testing.assert_array_equal(shown[-1, -1], [0, 0, 0])


def test_numbers_and_text_fit_to_print():
    shown = [text.number(x) for x in (None, math.inf, 0, 0.12345, 119.234, 12345.6, "x")]
    assert shown == [text.ABSENT, text.ABSENT, "0", "0.1235", "119.2", "12,346", text.ABSENT]
    assert text.plain("a\n\tb\x00c") == "a b c"
    assert text.plain("abcdef", 4) == "abc" + text.ELLIPSIS
    assert table.shown(0.874, summary.SHARE).startswith("87.4&nbsp;")
