"""Tests of `avae_jax.report.folder`."""

import functools
import json
import re

import numpy as np
import pytest

from avae_jax.report.folder import Pair, Section, files, html
from tests.support.report_samples import NASTY, Page, alignment


@functools.cache
def whole():
    """The page that most tests look at, made once."""
    return html(alignment())


def rows(text):
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)
    return json.loads(block[1])


def test_page_has_all_parts():
    text = whole()
    page = Page(text)
    assert text.count("data:image/png") == 2 + 1 + 8 + 1 and text.count('class="doubtful"') == 1
    assert [a["alt"] for tag, a in page.tags if a.get("class") == "chart"] == [
        "Histogram of the rotation (degrees)",
        "Histogram of the shift x (pixels)",
    ]
    links = re.findall(r'<a href="#([^"]+)"', text)
    assert links == ["part-0", "part-1", "part-2", "atlas", "poses", "table", "words", "config"]
    assert all(f'id="{link}"' in text for link in links) and "All is well." in page.words
    # One name space, which is not a place of the network.
    assert text.count("http:") == text.count("http://www.w3.org/2000/svg") and "https:" not in text


def test_page_table_holds_rounded_numbers():
    found = alignment()
    data = rows(whole())
    columns, digits = data["columns"], data["digits"]
    assert list(columns) == list(found.table) and len(columns["name"]) == 120
    np.testing.assert_allclose(columns["rotation_deg"], found.table["rotation_deg"], atol=0.05)
    assert columns["shift_x_px"][3] is None and columns["doubtful"][:2] == [True, False]
    assert digits == {"rotation_deg": 1, "shift_x_px": 2}


def test_data_json_holds_what_the_page_shows():
    found = alignment()
    written = files(found)
    assert sorted(written) == ["data.json", "index.html"] and written["index.html"] == whole()
    data = json.loads(written["data.json"], parse_constant=lambda name: 1 / 0)
    shown = rows(written["index.html"])
    assert all(data[name] == shown[name] for name in ("charts", "columns", "digits", "explored"))
    assert (data["format"], data["title"], data["verdict"]) == (1, found.title, found.verdict)
    assert [len(part["pairs"]) for part in data["parts"]] == [1, 1, 4]
    assert "data:image" not in written["data.json"] and data["total"] == found.count


def test_page_says_that_rows_are_left_out():
    assert "120 of 1,000 rows; poses.csv has all" in html(alignment()._replace(count=1000))
    assert "poses.csv has all" not in whole()


def test_page_escapes_names():
    """Names of files are text, in the page and in its data."""
    names = np.array([NASTY[0], NASTY[1], "</script><b>", *["x"] * 117])
    table = alignment().table | {"name": names}
    pairs = [Pair(np.ones((9, 9, 1)), None, NASTY[0], (NASTY[1],))]
    text = html(alignment(title=NASTY[0], table=table, sections=(Section(NASTY[0], pairs),)))
    assert Page(text).tags and "<b>" not in text.replace("<figcaption><b>", "")
    assert rows(text)["columns"]["name"][2] == "</script><b>"
    assert "<script>alert" not in text


@pytest.mark.standard
def test_page_of_volumes_and_without_examples():
    assert "data:image/png" in html(alignment(shape=(8, 8, 8, 1)))
    assert "data:image/png" not in html(alignment(sections=(), atlas=None))


def test_page_of_ten_thousand_is_small():
    assert len(html(alignment(count=10_000))) < 8e6
