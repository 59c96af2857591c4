"""Tests of `avae_jax.report.opening`."""

from avae_jax import report
from avae_jax.report.opening import ROWS, STRIP, header, navigation
from tests.support.report_samples import findings


def test_header_shows_run_verdict_and_strip():
    run = report.Run("2026-01-02", "9.8.7", "2 x <chip>", 3, "python -m x --workdir 'a b'")
    text = header(findings(run=run))
    for part in ("2026-01-02", "9.8.7", "2 x &lt;chip&gt;", "seed 3", "1.4 minutes", "a b"):
        assert part in text
    assert text.count("data:image/png") == len(ROWS) * STRIP
    assert 'class="verdict"' in text and 'class="run"' not in header(findings())


def test_navigation_marks_what_needs_the_script():
    text = navigation([("a", "One", False), ("b", "Two", True)])
    assert '<a href="#a">One</a><a href="#b" class=live>Two</a>' in text
