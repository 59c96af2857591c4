"""The page in a real browser: what a reader does changes what is shown, wide and narrow."""

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


def test_page_on_dark_screens_and_without_script(browser, page, tmp_path):
    browser.open(page, width=800, dark=True)
    assert browser.faults == []
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 27)"
    # Whoever changes the script is stopped by the page itself, which then stays as without it.
    changed = tmp_path / "changed.html"
    text = page.read_text(encoding="utf-8").replace("await start();", "await start(); alert(1);")
    changed.write_text(text.replace('id="explored"', 'id="other"'), encoding="utf-8")
    browser.open(changed, width=800)
    assert any("Content Security Policy" in str(fault) for fault in browser.faults)
    assert browser.run("document.querySelectorAll('section[hidden]').length") == 3


@pytest.mark.parametrize("width", [1280, 390])
def test_folder_page_sorts_filters_and_pages(browser, tmp_path, width):
    """The table of an alignment can be sorted, filtered and paged, on a phone too."""
    (tmp_path / "index.html").write_text(html(alignment()), encoding="utf-8")
    browser.open(tmp_path / "index.html", width=width)
    assert browser.faults == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    cell = "document.querySelector('.rows tbody tr td:nth-child(2)').textContent"
    head = "document.querySelectorAll('.rows th button')[1].click()"
    browser.run(head)
    largest = browser.run(cell)
    browser.run(head)
    assert float(largest) > 150 and browser.run(cell).startswith("\u2212")
    assert browser.run("document.querySelectorAll('.rows tbody tr').length") == 50
    browser.run("document.querySelector('.next').click(); document.querySelector('.next').click()")
    assert browser.run("document.querySelector('.page').value") == "page 3 of 3"
    browser.run("document.querySelector('.doubtful-only').click()")
    assert browser.run("document.querySelector('#table .count').value") == "18 of 120 rows"
