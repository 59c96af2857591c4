"""Tests of `avae_jax.config.help_texts`."""

import pytest

from avae_jax.config.flags import parser, words_of_command
from avae_jax.config.help_texts import COMMAND_USAGE, PROGRAM, of_command


def test_help_of_the_command_calls_it_by_its_name():
    text = parser(usage=COMMAND_USAGE).format_help()
    assert PROGRAM not in text and "`avae train` alone: handwritten digits" in text
    assert PROGRAM in parser().format_help()


@pytest.mark.parametrize(
    "given",
    ["", " --config digits", " --mode align --input a --output b", " --mode compare --runs a b"],
)
def test_examples_of_the_command_mean_the_same(given):
    words = of_command(PROGRAM + given).split()
    assert words[0] == "avae"
    assert parser().parse_args(words_of_command(words[1:])) == parser().parse_args(given.split())
