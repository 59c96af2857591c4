"""Tests of `avae_jax.report.text`."""

import math

from avae_jax.report import text


def test_text_numbers_and_text_fit_to_print():
    shown = [text.number(x) for x in (None, math.inf, 0, 0.12345, 119.234, 12345.6, "x")]
    assert shown == [text.ABSENT, text.ABSENT, "0", "0.12", "119.2", "12,346", text.ABSENT]
    assert text.plain("a\n\tb\x00c") == "a b c"
    assert text.plain("abcdef", 4) == "abc" + text.ELLIPSIS
