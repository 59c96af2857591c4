"""axe-core finds no violation of WCAG 2.2, level AA, on any page, wide and narrow."""

import numpy as np
import pytest

from avae_jax import report
from avae_jax.report.comparison import write
from avae_jax.report.folder import html
from tests.support.browser import Browser
from tests.support.node import packages
from tests.support.report_samples import (
    alignment,
    bar,
    exploration,
    gallery,
    measured,
    moments,
    solid,
)

pytestmark = pytest.mark.standard
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LABELS = (
    report.LabelAgreement(0, 20, 0.95, 0.0, 0.97, 0.95, 0.0),
    report.LabelAgreement(1, 10, 0.6, 0.4, 0.3, 1.0, 0.1),
    report.LabelAgreement(2, 10, 0.5, 0.05, 0.4, 0.55, 0.1),
)


@pytest.fixture(scope="module")
def axe():
    """The text of axe-core."""
    return (packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One Chromium for all tests."""
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


def of_a_run(folder, *, volumes):
    draw = solid if volumes else bar
    seen = tuple(
        moment._replace(canonical_input=np.stack([draw(40 * i * k) for i in range(3)]))
        for k, moment in enumerate(moments())
    )
    found = measured(
        exploration=exploration(12, volume=volumes),
        moments=seen,
        agreement=report.Agreement(np.linspace(0, 180, 40), LABELS, 3 if volumes else 2),
        run=report.Run("2026-01-02", "9.8.7", "2 x chip", 3, "python -m x"),
    )
    if volumes:
        found = found._replace(gallery=gallery((8, 8, 8, 1), count=2))
    report.write(folder / "run" / "report", found)
    return folder / "run" / "report" / "index.html"


def of_a_comparison(folder):
    of_a_run(folder, volumes=False)
    report.write(folder / "other" / "report", measured(higher=3.0, config={"seed": 1}))
    write([str(folder / "run"), str(folder / "other")], folder / "compared.html")
    return folder / "compared.html"


def of_a_folder(folder):
    (folder / "index.html").write_text(html(alignment()), encoding="utf-8")
    return folder / "index.html"


PAGES = {
    "images": lambda folder: of_a_run(folder, volumes=False),
    "volumes": lambda folder: of_a_run(folder, volumes=True),
    "folder": of_a_folder,
    "comparison": of_a_comparison,
}


@pytest.fixture(scope="module", params=PAGES)
def page(request, tmp_path_factory):
    """A page as a file."""
    return PAGES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.mark.full_cases(
    "images-1440-dark",
    "images-1024-light",
    "images-1024-dark",
    "images-390-light",
    "volumes-1440-dark",
    "volumes-1024-light",
    "volumes-1024-dark",
    "volumes-390-light",
    "folder-1440-dark",
    "folder-1024-light",
    "folder-1024-dark",
    "folder-390-light",
    "comparison-1440-dark",
    "comparison-1024-light",
    "comparison-1024-dark",
    "comparison-390-light",
)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 1024, 390])
def test_no_violation_fault_or_sideways_scroll(browser, axe, page, width, dark):
    browser.open(page, width=width, dark=dark, touch=width < 500)
    assert browser.faults == []
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("[...document.images].filter(i => !i.naturalWidth).length") == 0
    browser.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    assert violations(browser, axe) == []


@pytest.mark.full_cases("dark-images", "dark-volumes", "light-volumes")
@pytest.mark.parametrize("page", ["images", "volumes"], indirect=True)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_violation_after_sorting_and_selecting(browser, axe, page, dark):
    browser.open(page, width=1024, dark=dark)
    browser.run(
        "(() => { const s = document.querySelector('#atlas .arranged'); s.value = 'gap';"
        "s.dispatchEvent(new Event('change', {bubbles: true}));"
        "document.querySelector('#atlas .every').click();"
        "document.querySelector('#atlas .draw').click(); })()"
    )
    assert violations(browser, axe) == [] and browser.faults == []


def violations(browser, axe):
    """What axe-core finds: rule, impact, count, an element and why."""
    browser.run(f"{axe}; 0")
    return browser.run(
        f"axe.run({{runOnly: {LEVELS}}}).then(r => r.violations.map(v => [v.id, v.impact,"
        "v.nodes.length, v.nodes[0].html.slice(0, 200), v.nodes[0].failureSummary]))"
    )
