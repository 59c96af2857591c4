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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--train.stps", "50"], ", did you mean --config.train.steps?"),
        (["--steps", "50"], "; did you mean --config.train.steps=50?"),
        (["--train.steps=50"], "; did you mean --config.train.steps=50?"),
        (["--latent=4"], "; did you mean --config.model.latent=4?"),
        (["--confg", "digits"], ", did you mean --config?"),
        (["--qqq"], "arguments: --qqq, see"),
    ],
)
def test_parser_says_what_was_probably_meant(words, said, capsys):
    with pytest.raises(SystemExit):
        parser().parse_args(words)
    assert said in capsys.readouterr().err


def test_list_options_has_a_line_for_every_field():
    lines = list_options().splitlines()
    assert [line.split()[0] for line in lines] == list(fields())


@pytest.mark.parametrize(
    ("words", "runs"), [(["a", "b"], ["a", "b"]), (["a", "--output", "c"], ["a"]), ([], None)]
)
def test_runs_to_compare_stand_after_the_mode(words, runs):
    flags = parser().parse_args(words_of_command(["compare", *words]))
    assert (flags.mode, flags.runs) == ("compare", runs)
