"""Tests of `avae_jax.report.templates`."""

import base64
import hashlib
import json
import math

import jinja2
import pytest

from avae_jax.report.templates import embedded, environment, joined, policy, render, share, uri


def page(title, **values):
    given = {"title": title, "sections": [], "parts": [], "facts": [], "verdict": "", "charts": {}}
    given |= {
        "rows": 0,
        "total": 0,
        "options": ["a", "b"],
        "pictures": {},
        "explored": None,
        "words": ("loss",),
    } | values
    return render("folder.html", given, scripts=["page.js"], data={"charts": {}})


def test_render_allows_its_script_alone():
    script = joined("scripts", ("page.js",))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = page("a <b>")
    assert "<title>a &lt;b&gt; - avae_jax</title>" in text and script in text
    assert f"script-src 'sha256-{digest}'" in text and policy(script) in text
    assert "default-src 'none'" in text and policy(script) != policy("stop()")


def test_render_escapes_and_cleans_text_from_outside():
    text = page("\" x='1' <b>\x00\u202e", verdict="a\x07<i>&", facts=["</p><script>"])
    assert "<b>" not in text.replace("<figcaption><b>", "") and "<i>" not in text
    assert "a &lt;i&gt;&amp;" in text and "\x00" not in text and "\u202e" not in text
    assert text.count("<script") == 2


def test_render_refuses_unknown_names():
    with pytest.raises(jinja2.UndefinedError):
        render("folder.html", {"title": "x"}, scripts=["page.js"], data={})


def test_embedded_ends_no_script_and_reads_back():
    values = {"a": "</script><!-- &", "b": [1.5, math.nan]}
    text = embedded(values)
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"a": values["a"], "b": [1.5, None]}


@pytest.mark.parametrize(
    ("value", "unit", "wanted"),
    [
        (None, "degrees", "&ndash;"),
        (True, "", "yes"),
        (0.874, "%", '87.4&nbsp;<span class="unit">%</span>'),
        ("<b>", "", "&lt;b&gt;"),
        (12, "", "12"),
    ],
)
def test_values_with_units(value, unit, wanted):
    show = environment().from_string("{{ show.value(value, unit)|trim }}")
    assert show.render(value=value, unit=unit) == wanted


def test_share_and_uri():
    assert share(0.874) == "87 %" and uri("image/png", b"a") == "data:image/png;base64,YQ=="
