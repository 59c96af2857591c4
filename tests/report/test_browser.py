"""The page in a real browser: what a reader does changes what is shown, wide and narrow."""

import csv
import io

import numpy as np
import pytest

from avae_jax import report
from avae_jax.report.folder import html
from tests.support.browser import Browser
from tests.support.report_samples import (
    alignment,
    bar,
    exploration,
    findings,
    gallery,
    moments,
    solid,
)

pytestmark = pytest.mark.standard


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One Chromium for all tests."""
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module", params=["images", "volumes"])
def page(request, tmp_path_factory):
    """The page of a run, as a file."""
    volumes = request.param == "volumes"
    draw = solid if volumes else bar
    seen = tuple(
        moment._replace(canonical_input=np.stack([draw(40 * i * k) for i in range(3)]))
        for k, moment in enumerate(moments())
    )
    changes = {"gallery": gallery((8, 8, 8, 1), count=2)} if volumes else {}
    found = findings(exploration=exploration(12, volume=volumes), moments=seen, **changes)
    folder = tmp_path_factory.mktemp(request.param)
    report.write(folder, found)
    return folder / "index.html"


def state(browser, part):
    return browser.run(f"document.querySelector('#{part}').dataset.state")


def pixels(browser, selector):
    """What a canvas shows, as a text to compare."""
    return browser.run(f"document.querySelector('{selector}').toDataURL()")


def said(browser, selector):
    return browser.run(f"document.querySelector('{selector}').textContent")


GIVEN = "#turning .dial canvas"


@pytest.mark.parametrize("width", [1280, 360])
def test_page_shows_everything_without_complaints(browser, page, width):
    """All is there and nothing complains."""
    browser.open(page, width=width, touch=width < 500)
    assert browser.faults == []
    assert browser.run("[...document.images].filter(i => !i.naturalWidth).length") == 0
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("document.querySelectorAll('section[hidden]').length") == 0
    assert browser.run("document.querySelectorAll('#turning .strip button').length") == 6
    assert browser.run("document.querySelectorAll('#atlas .object').length") == 12
    assert browser.run("document.querySelectorAll('#training .roses svg').length") == 3
    assert browser.run("[...document.querySelectorAll('nav a')].every(a => a.offsetWidth > 0)")
    assert browser.run(
        "[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.hash))"
    )
    # Everything that can be acted on or looked at has a name.
    nameless = browser.run(
        "[...document.querySelectorAll('button, select, input, canvas, svg[role=img]')].filter(e =>"
        " !(e.getAttribute('aria-label') || e.labels?.length || e.textContent.trim())).length"
    )
    assert nameless == 0


@pytest.mark.parametrize("width", [1280, 360])
def test_page_without_exploration_whole(browser, tmp_path, width):
    report.write(tmp_path, findings())
    browser.open(tmp_path / "index.html", width=width)
    assert browser.faults == []
    assert browser.run("document.images.length") == 76
    assert browser.run("[...document.images].filter(i => !i.naturalWidth).length") == 0
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_page_of_posed_training_shows_inputs_alone(browser, tmp_path):
    """Training on objects in poses of their own shows inputs alone."""
    none, inputs = np.zeros(0), np.stack([bar(40 * i) for i in range(3)])
    seen = tuple(report.Snapshot(k, none, none.astype(int), np.nan, inputs) for k in range(3))
    found = findings(exploration=exploration(12, labels=False), moments=seen, label_names=())
    report.write(tmp_path, found)
    browser.open(tmp_path / "index.html", width=1280)
    assert browser.faults == []
    assert browser.run("document.querySelectorAll('#training .inputs canvas').length") == 3
    assert not said(browser, "#training .roses").strip()
    assert "resultant" not in said(browser, "#training .at")


@pytest.mark.parametrize("width", [1280, 360])
def test_ring_dragged_turns_the_input(browser, page, width):
    """Dragging the ring turns the input."""
    browser.open(page, width=width)
    before, loss = pixels(browser, GIVEN), said(browser, "#turning .loss")
    x, y = browser.middle("#turning .ring")
    radius = browser.run("document.querySelector('#turning .ring').clientWidth * 90 / 208")
    browser.press(x, y - radius, release=False)
    browser.move(x - radius, y, down=True)
    # A quarter turn counter-clockwise, with the picture.
    assert "+90\u00b0" in said(browser, "#turning .by")
    assert pixels(browser, GIVEN) != before and said(browser, "#turning .loss") != loss
    assert "+90" in browser.run("document.querySelector('#turning .stop').ariaValueText")
    browser.press(x - radius, y)
    browser.move(x + radius, y)
    assert "+90\u00b0" in said(browser, "#turning .by")
    assert browser.faults == []


def test_curve_falls_to_the_loss_found(browser, page):
    """Along the curve the loss falls to what the search found."""
    browser.open(page, width=1280)
    circle = "document.querySelector('#turning .curve .mark')"
    x, y = browser.run(
        f"(() => {{ {circle}.scrollIntoView({{block: 'center', behavior: 'instant'}});"
        f"const b = {circle}.getBoundingClientRect(); return [b.x + b.width/2, b.y + b.height/2];"
        "})()"
    )
    browser.press(x, y)
    assert said(browser, "#turning .loss").startswith("loss 100.0 nats")
    assert said(browser, "#turning .good") == "the lowest that the search found"


def test_keyboard_reaches_and_moves_everything(browser, page):
    browser.open(page, width=1280)
    browser.run("document.querySelector('#turning .stop').focus()")
    browser.key("Home")
    first, picture = state(browser, "turning"), pixels(browser, GIVEN)
    browser.key("ArrowRight")
    assert (first, state(browser, "turning")) == ("0 0", "0 1")
    assert pixels(browser, GIVEN) != picture
    browser.run("document.querySelector('#turning .strip button').focus()")
    browser.key("Tab")
    assert "input 2" in said(browser, "#turning .whose")
    outline = browser.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    browser.key("Enter")
    assert state(browser, "turning").startswith("1 ")
    browser.run("document.querySelector('#atlas .object[tabindex=\"0\"]').focus()")
    here = state(browser, "atlas")
    moved = set()
    for key in ("ArrowRight", "ArrowLeft", "ArrowLeft"):
        browser.key(key)
        moved.add(state(browser, "atlas"))
    assert moved - {here}
    browser.run("document.querySelector('#training .moment').focus()")
    inputs = "#training .inputs canvas:nth-child(2)"
    late, last = pixels(browser, inputs), state(browser, "training")
    browser.key("Home")
    assert (last, state(browser, "training")) == ("3", "0")
    assert pixels(browser, inputs) != late
    assert said(browser, "#training .at").startswith("update 0 of 300")


def test_pointing_at_an_input_shows_candidates(browser, page):
    """Pointing at an input shows what the search kept."""
    browser.open(page, width=1280)
    browser.move(*browser.middle("#turning .strip button:nth-child(3)"))
    assert "input 3, label bird" in said(browser, "#turning .whose")
    assert state(browser, "turning").startswith("0 ")
    kept = "#turning .kept li:nth-child({}) button"
    assert "100.0 nats" in said(browser, kept.format(1))
    assert "80.0 above the best" in said(browser, kept.format(2))
    browser.run(f"document.querySelector('{kept.format(2)}').click()")
    assert state(browser, "turning").startswith("2 ")
    assert said(browser, "#turning .loss").startswith("loss 180.0 nats")
    # Who opens one by the keyboard stays there.
    browser.run(f"document.querySelector('{kept.format(1)}').focus()")
    browser.key("Enter")
    assert said(browser, "#turning .loss").startswith("loss 100.0 nats")
    assert "100.0 nats" in browser.run("document.activeElement.textContent")


def test_map_shows_examples_and_opens_dials(browser, page):
    """The map shows who is pointed at and opens its dial."""
    browser.open(page, width=1280)
    browser.run("document.querySelectorAll('#atlas .object')[4].focus()")
    card = said(browser, "#atlas .pointed")
    assert "Input 5" in card and "label dog" in card and "doubtful" in card and "1.5 nats" in card
    browser.run("document.querySelector('#atlas .open').click()")
    assert state(browser, "turning").startswith("4 ")
    assert browser.run("document.activeElement.className") == "stop"
    # The eighth has none.
    browser.run("document.querySelectorAll('#atlas .object')[7].focus()")
    assert browser.run("document.querySelector('#atlas .open')") is None


def test_filter_holds_for_all_parts(browser, page):
    browser.open(page, width=360, touch=True)
    change = (
        "(() => {{ const s = document.querySelector('#atlas .{}'); s.value = '{}';"
        "s.dispatchEvent(new Event('change', {{bubbles: true}})); }})()"
    )
    visible = "[...document.querySelectorAll('{}')].filter(e => e.offsetParent).length"
    browser.run(change.format("by-doubt", "doubtful"))
    assert browser.run(visible.format("#turning .strip button")) == 1
    assert browser.run(visible.format("#atlas .object")) == 2
    assert browser.run("document.querySelector('#turning .by-doubt').value") == "doubtful"
    assert said(browser, "#turning .count") == "1 of 6 inputs"
    assert state(browser, "turning").startswith("4 ")
    browser.run(change.format("by-label", "0"))
    assert said(browser, "#atlas .count") == "1 of 12 objects"
    browser.run(change.format("by-doubt", ""))
    browser.run(change.format("by-label", ""))
    assert browser.run(visible.format("#atlas .object")) == 12


def rows(text):
    return list(csv.reader(io.StringIO(text)))


def visible(browser, selector):
    return browser.run(
        f"[...document.querySelectorAll('{selector}')].filter(e => e.offsetParent).length"
    )


def choose(browser, selector, value):
    browser.run(
        f"(() => {{ const s = document.querySelector('{selector}'); s.value = '{value}';"
        "s.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


@pytest.mark.parametrize("width", [1440, 390])
def test_drawing_around_objects_selects_them_for_a_file(browser, page, width):
    browser.open(page, width=width, touch=width < 500)
    assert browser.run("document.querySelector('#atlas .keep').disabled")
    x, y = browser.middle("#atlas .field")
    wide, high = browser.run(
        "(() => { const f = document.querySelector('#atlas .field');"
        "return [f.clientWidth, f.clientHeight]; })()"
    )
    browser.run("document.querySelector('#atlas .draw').click()")
    corners = [(0, 0), (0, -0.6), (-0.6, -0.6), (-0.6, 0.6), (0, 0.6)]
    path = [(x + a * wide, y + b * high) for a, b in corners]
    browser.press(*path[0], release=False)
    for each in path[1:]:
        browser.move(*each, down=True)
    browser.release(*path[-1])
    said_count = browser.run("document.querySelector('#atlas .chosen-count').value")
    left = browser.run(
        "JSON.parse(document.querySelector('#data').textContent).explored.examples"
        ".filter(e => e.x < 0.5).map(e => e.index)"
    )
    assert said_count == f"{len(left)} selected" and 0 < len(left) < 12
    browser.run("document.querySelector('#atlas .keep').click()")
    head, *lines = rows(browser.saved("selection.csv"))
    assert head[:2] == ["index", "label"] and [int(line[0]) for line in lines] == left
    assert {line[1] for line in lines} <= {"cat", "dog", "bird"}
    assert browser.faults == []


def test_keyboard_selects_and_clears(browser, page):
    browser.open(page, width=1280)
    browser.run("document.querySelectorAll('#atlas .object')[3].focus()")
    browser.key(" ")
    assert browser.run("document.querySelector('#atlas .in-selection').checked")
    assert browser.run("document.querySelector('#atlas .chosen-count').value") == "1 selected"
    browser.run("document.querySelector('#atlas .in-selection').click()")
    assert browser.run("document.querySelector('#atlas .chosen-count').value") == "0 selected"
    choose(browser, "#atlas .by-doubt", "doubtful")
    browser.run("document.querySelector('#atlas .every').click()")
    assert browser.run("document.querySelector('#atlas .chosen-count').value") == "2 selected"
    browser.run("document.querySelector('#atlas .none').click()")
    assert browser.run("document.querySelector('#atlas .keep').disabled")


def test_objects_sorted_in_rows_start_with_the_worst(browser, page):
    browser.open(page, width=1280)
    orders = browser.run(
        "[...document.querySelector('#atlas .arranged').options].map(o => o.value)"
    )
    assert orders == ["map", "order", "loss", "gain", "gap", "label"]
    shown = "[...document.querySelectorAll('#atlas .object')].map(o => o.ariaLabel)"
    choose(browser, "#atlas .arranged", "gap")
    assert [name for name in browser.run(shown) if "doubtful" in name] == browser.run(shown)[:2]
    choose(browser, "#atlas .arranged", "label")
    labels = [name.split(", ")[1] for name in browser.run(shown)]
    assert labels == sorted(labels, key=["label cat", "label dog", "label bird"].index)
    before = pixels(browser, "#atlas .object canvas")
    choose(browser, "#atlas .shown-as", "input")
    assert pixels(browser, "#atlas .object canvas") != before
    assert visible(browser, "#atlas .object") == 12 and browser.faults == []


def test_neighbours_lead_on(browser, page):
    browser.open(page, width=1280)
    assert visible(browser, "#atlas .near button") == 3
    browser.run("document.querySelector('#atlas .near button').click()")
    assert state(browser, "atlas") == "1" and "Input 2" in said(browser, "#atlas .pointed")


def test_walk_between_two_inputs(browser, page):
    browser.open(page, width=1280)
    assert visible(browser, "#walks .axes .walk") == 2
    assert visible(browser, "#walks .between canvas") == 4
    first = pixels(browser, "#walks .between div > div:first-child canvas")
    choose(browser, "#walks .from", "1")
    assert "two different" in said(browser, "#walks .between")
    choose(browser, "#walks .to", "0")
    # The same way, from the other end.
    assert pixels(browser, "#walks .between div > div:last-child canvas") == first
    assert state(browser, "walks") == "1 0" and browser.faults == []


@pytest.mark.parametrize("page", ["volumes"], indirect=True)
def test_volumes_turn_under_the_mouse(browser, page):
    browser.open(page, width=1280)
    solid_canvas = "#atlas .pointed .solid"
    empty = "document.querySelector('#atlas .pointed .solid').toDataURL().length > 1500"
    browser.wait(empty)
    before = pixels(browser, solid_canvas)
    x, y = browser.middle(solid_canvas)
    browser.press(x, y, release=False)
    browser.move(x + 40, y + 15, down=True)
    browser.release(x + 40, y + 15)
    browser.wait(f"document.querySelector('{solid_canvas}').toDataURL() !== '{before}'")
    turned = pixels(browser, solid_canvas)
    browser.key("ArrowLeft")
    browser.wait(f"document.querySelector('{solid_canvas}').toDataURL() !== '{turned}'")
    assert browser.faults == []


def test_charts_and_tables_are_saved(browser, page):
    browser.open(page, width=1280)
    buttons = "document.querySelectorAll('[data-chart=curve] button')"
    browser.run(f"{buttons}[0].click()")
    assert browser.saved("curve.svg").lstrip().startswith("<?xml")
    browser.run(f"{buttons}[1].click()")
    head, *lines = rows(browser.saved("curve.csv"))
    assert head == ["rotation (degrees)", "loss_without_search_nats", "loss_with_search_nats"]
    assert [float(x) for x in lines[0]] == [-180.0, 178.0, 119.0]
    browser.run("document.querySelector('#numbers .save').click()")
    assert any("119.2" in line[1] for line in rows(browser.saved("numbers.csv")) if len(line) > 1)


def test_page_on_dark_screens_and_without_script(browser, page, tmp_path):
    browser.open(page, width=800, dark=True)
    assert browser.faults == []
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    # Whoever changes the script is stopped by the page itself, which then stays as without it.
    changed = tmp_path / "changed.html"
    text = page.read_text(encoding="utf-8").replace("await start();", "await start(); alert(1);")
    changed.write_text(text, encoding="utf-8")
    browser.open(changed, width=800, ready=False)
    assert any("Content Security Policy" in str(fault) for fault in browser.faults)
    assert browser.run("document.querySelectorAll('section[hidden]').length") == 4


@pytest.mark.parametrize("width", [1280, 390])
def test_folder_page_sorts_filters_and_pages(browser, tmp_path, width):
    """The table of an alignment can be sorted, filtered and paged, on a phone too."""
    (tmp_path / "index.html").write_text(html(alignment()), encoding="utf-8")
    browser.open(tmp_path / "index.html", width=width)
    assert browser.faults == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    # A shadow says that there is more at the side.
    style = "getComputedStyle(document.querySelector('.rows').closest('.wide')).backgroundImage"
    assert "gradient" in browser.run(style)
    cell = "document.querySelector('.rows tbody tr td:nth-child(2)').textContent"
    head = "document.querySelectorAll('.rows th button')[1].click()"
    browser.run(head)
    largest = browser.run(cell)
    browser.run(head)
    assert float(largest) > 150 and browser.run(cell).startswith("\u2212")
    assert browser.run("document.querySelectorAll('.rows tbody tr').length") == 50
    browser.run("document.querySelector('.next').click(); document.querySelector('.next').click()")
    assert browser.run("document.querySelector('.page').value") == "page 3 of 3"
    browser.run("document.querySelector('#table .save').click()")
    assert len(rows(browser.saved("rows.csv"))) == 121
    browser.run("document.querySelector('.doubtful-only').click()")
    assert browser.run("document.querySelector('#table .count').value") == "18 of 120 rows"


def test_folder_page_of_ten_thousand_ready_in_two_seconds(browser, tmp_path):
    path = tmp_path / "index.html"
    path.write_text(html(alignment(count=10_000)), encoding="utf-8")
    assert path.stat().st_size < 8e6
    browser.open(path, width=1440)
    entry = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
    assert browser.run(entry) < 2000


def test_folder_page_maps_examples_by_name(browser, tmp_path):
    (tmp_path / "index.html").write_text(html(alignment()), encoding="utf-8")
    browser.open(tmp_path / "index.html", width=1280)
    assert visible(browser, "#atlas .object") == 12
    browser.run("document.querySelectorAll('#atlas .object')[4].focus()")
    card = said(browser, "#atlas .pointed")
    assert "image_40.png" in card and "place in the stack: 40" in card and "doubtful" in card
    choose(browser, "#atlas .by-doubt", "doubtful")
    browser.run("document.querySelector('#atlas .every').click()")
    browser.run("document.querySelector('#atlas .keep').click()")
    head, *lines = rows(browser.saved("selection.csv"))
    assert head[:2] == ["index", "name"] and "label" not in head
    assert [line[:2] for line in lines] == [["40", "image_40.png"], ["90", "image_90.png"]]
    assert browser.faults == []
