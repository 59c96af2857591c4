"""Tests of `avae_jax.report.comparison`."""

import re

import pytest

from avae_jax import report
from avae_jax.core.errors import InputError
from avae_jax.report.comparison import config_differences, html, write
from avae_jax.report.saved import saved_runs
from tests.support.report_samples import NASTY, Page, given, measured


def two(folder, **changes):
    """Two runs, the second with losses that are 3 nats higher."""
    report.write(folder / "a" / "report", measured())
    report.write(folder / "b" / "report", measured(higher=3.0, **changes))
    return saved_runs([str(folder / "a"), str(folder / "b")])


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return two(tmp_path_factory.mktemp("both"))


@pytest.mark.standard
def test_page_has_numbers_with_intervals_and_paired_differences(both):
    text = html(both)
    assert "differences are paired" in text and "All options are equal." in text
    off = re.search(r'class="clear">\+(\d\.\d\d) \[\+(\d\.\d\d), \+(\d\.\d\d)\]', text)
    assert [float(value) for value in off.groups()] == pytest.approx([3, 3, 3], abs=0.01)
    assert list(Page(text).charts()) == [
        "Loss against the step of training",
        "Agreement of found poses",
        "Loss with search at every pose of the input",
    ]
    columns = given(text)["charts"]["loss"]["columns"]
    assert set(columns["run"]) == {"a", "b"} and len(columns["run"]) == len(columns["loss"]) == 60


@pytest.mark.standard
def test_differences_that_chance_explains_do_not_stand_out(both):
    text = html(both)
    found = re.findall(
        r'class="(clear|unit)">\S+ \[(\S+), (\S+)\]', text.split("labels compared")[1]
    )
    assert {kind for kind, *_ in found} == {"clear", "unit"}
    for kind, low, high in found:
        assert (kind == "unit") == (float(low) <= 0 <= float(high))


@pytest.mark.standard
def test_resultant_length_has_an_interval(both):
    row = html(both).split("resultant length")[1].split("</tr>")[0]
    value, low, high = map(float, re.search(r"(0\.\d+) .*?\[(0\.\d+), (0\.\d+)\]", row).groups())
    assert low < value < high and high - low < 0.1


@pytest.mark.standard
def test_page_names_options_that_differ(tmp_path):
    config = {"data": {"source": "other", "size": 0}, "search": {"kind": None}, "seed": 0}
    runs = two(tmp_path, config=config)
    assert config_differences(runs) == [{"field": "data.source", "values": ["digits", "other"]}]
    text = html(runs)
    assert "do not compare" in text and "different examples or poses" in text


@pytest.mark.standard
def test_page_of_runs_without_poses(tmp_path):
    runs = two(tmp_path, held_out=None, moments=(), curve=None)
    text = html(runs)
    assert text.count('class="charted"') == 3 and "&ndash;" in text


@pytest.mark.standard
def test_page_escapes_what_runs_hold(tmp_path):
    text = html(two(tmp_path, config={NASTY[0]: NASTY[1]}))
    assert Page(text).tags and text.count("<script") == 2


@pytest.mark.standard
def test_write_overwrites_nothing(tmp_path):
    two(tmp_path)
    folders, path = [str(tmp_path / "a"), str(tmp_path / "b")], tmp_path / "page.html"
    write(folders, path)
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        write(folders, path)
    assert path.read_bytes() == before
    with pytest.raises(InputError, match="is no folder"):
        write(folders, tmp_path / "none" / "page.html")
