"""Tests of `avae_jax.core.errors`."""

import os

from avae_jax.core.errors import InputError

# Names that a file system takes and a page, a table or a terminal must not be led astray by.
NASTY = ["<script>alert(1)<", '"quo\'ted" & $x$', "line\nbreak\t\x1b[31m"]
NASTY.append(os.fsdecode(b"\xff\xfe"))


def test_input_error_is_one_line():
    """A sentence is one line whatever it quotes."""
    said = str(InputError("no\nsuch \x1b[31mfile\udcff " + "long " * 1000))
    assert said.startswith("no\\nsuch \\x1b[31mfile\\udcff long") and len(said) < 2100
