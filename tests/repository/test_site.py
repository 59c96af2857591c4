"""The web site builds without a warning, and works without a network."""

import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag

import pytest

import avae_jax
from tests.support import ROOT
from tests.support.doc_pages import PAGES

pytestmark = pytest.mark.full
# Tags that fetch something to show a page.
FETCHED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "object": "data"}


class Page(HTMLParser):
    """What a page of the site links to, fetches, and can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.fetched, self.ids = [], [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if given.get(FETCHED.get(tag)):
            self.fetched.append(given[FETCHED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site and its pages by path."""
    folder = tmp_path_factory.mktemp("site")
    called = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "docs", str(folder)]
    done = subprocess.run(called, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder, {path: Page(path) for path in folder.rglob("*.html")}


def test_site_has_every_page(site):
    """Every page of the repository is there."""
    folder, _ = site
    wanted = [page for page in PAGES if page.startswith("docs/")]
    assert len(wanted) > 12
    for page in wanted:
        assert (folder / page.removeprefix("docs/")).with_suffix(".html").exists()


def test_site_links_lead_somewhere(site):
    """Every link within leads somewhere."""
    _, pages = site
    for path, page in pages.items():
        for link in page.links:
            target, anchor = urldefrag(link)
            if "://" in target or target.startswith("mailto:"):
                continue
            to = (path.parent / unquote(target)).resolve() if target else path
            assert to.exists(), f"{path.name}: {link}"
            if anchor and to.suffix == ".html":
                assert unquote(anchor) in pages[to].ids, f"{path.name}: {link}"


def test_site_fetches_nothing_from_elsewhere(site):
    """Nothing is fetched from elsewhere."""
    folder, pages = site
    for path, page in pages.items():
        for source in page.fetched:
            assert "//" not in source, f"{path.name}: {source}"
            assert (path.parent / urldefrag(source.partition("?")[0])[0]).resolve().exists()
    for sheet in folder.rglob("*.css"):
        assert "url(http" not in sheet.read_text() and "url(//" not in sheet.read_text()


def test_site_documents_the_whole_public_api(site):
    """The whole public api is documented."""
    folder, pages = site
    wanted = {f"avae_jax.{name}" for name in avae_jax.__all__}
    assert not wanted - pages[folder / "reference/api.html"].ids
