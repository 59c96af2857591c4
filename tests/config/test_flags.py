"""Tests of `avae_jax.config.flags`."""

import pytest

from avae_jax.config.flags import list_options, parser, words_of_command
from avae_jax.config.options import fields


def test_parser_defaults_train_automatically():
    flags = parser().parse_args([])
    assert (flags.mode, flags.platform, flags.config) == ("train", "auto", None)
    assert not (flags.multihost or flags.overwrite or flags.list_options)


@pytest.mark.parametrize(
    "arguments", [["--mode", "trane"], ["--platform", "abacus"], ["--processes", "two"], ["--work"]]
)
def test_parser_mistake_is_one_sentence(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith("avae_jax: ") and said.count("\n") == 1 and "see --help" in said


def test_list_options_has_a_line_for_every_field():
    lines = list_options().splitlines()
    assert [line.split()[0] for line in lines] == list(fields())


@pytest.mark.parametrize(
    ("words", "runs"), [(["a", "b"], ["a", "b"]), (["a", "--output", "c"], ["a"]), ([], None)]
)
def test_runs_to_compare_stand_after_the_mode(words, runs):
    flags = parser().parse_args(words_of_command(["compare", *words]))
    assert (flags.mode, flags.runs) == ("compare", runs)
