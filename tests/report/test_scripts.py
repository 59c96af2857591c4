"""The scripts of the pages pass a linter, as the one script that each page holds."""

import pytest

from avae_jax.report import comparison, folder, page
from avae_jax.report.templates import joined
from tests.support.node import lint

PAGES = {"run": page.SCRIPTS, "folder": folder.SCRIPTS, "comparison": comparison.SCRIPTS}


@pytest.mark.standard
@pytest.mark.parametrize("name", PAGES)
def test_script_of_a_page_has_no_fault(name):
    assert lint(joined("scripts", PAGES[name]), f"{name}.js") == ""


@pytest.mark.standard
def test_linter_finds_unknown_names():
    assert "no-undef" in lint("unknown();\n", "faulty.js")
