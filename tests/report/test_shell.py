"""Tests of `avae_jax.report.shell`."""

import base64
import hashlib
import json
import math

from avae_jax.report.shell import embedded, html, policy


def test_html_allows_its_script_alone():
    text = html("a <b>", "<main></main>", script="run()", style=".x{}")
    assert "<title>a &lt;b&gt; - avae_jax</title>" in text and ".x{}" in text
    digest = base64.b64encode(hashlib.sha256(b"run()").digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text and policy("run()") in text
    assert "default-src 'none'" in text and policy("run()") != policy("stop()")


def test_embedded_ends_no_script_and_reads_back():
    values = {"a": "</script><!-- &", "b": [1.5, math.nan]}
    text = embedded(values)
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"a": values["a"], "b": [1.5, None]}
