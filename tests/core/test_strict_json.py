"""Tests of `avae_jax.core.strict_json`."""

import os

import pytest

from avae_jax.core import strict_json

# Names that a file system takes and a page, a table or a terminal must not be led astray by.
NASTY = ["<script>alert(1)<", '"quo\'ted" & $x$', "line\nbreak\t\x1b[31m"]
NASTY.append(os.fsdecode(b"\xff\xfe"))


@pytest.mark.parametrize("text", ["[" * 10**5, "NaN", "1e999", '{"a": 1, "a": 2}', "9" * 5000, ""])
def test_parse_has_its_bounds(text):
    """Json has its bounds."""
    with pytest.raises(ValueError):
        strict_json.parse(text.encode())


@pytest.mark.parametrize(
    "text, found", [('{"a": 1}', {"a": 1}), ("[1]", None), ("{", None), (None, None)]
)
def test_object_or_none(tmp_path, text, found):
    """Absent, garbled and other values are none."""
    if text is not None:
        (tmp_path / "x.json").write_text(text)
    assert strict_json.object_or_none(tmp_path / "x.json") == found
