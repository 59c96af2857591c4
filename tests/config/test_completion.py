"""Tests of `avae_jax.config.completion`, in a real bash and zsh."""

import shutil
import subprocess

import pytest

from avae_jax import main
from avae_jax.config.completion import completion

bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
# What bash hands to the function of a command: the words of the line, apart at each equals sign.
ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_avae 2>/dev/null
printf "%s\\n" "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """The script, as the command prints it."""
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main.main(["--print-completion"]) == 0
    file = tmp_path_factory.mktemp("completion") / "avae.bash"
    file.write_text(printed.getvalue())
    return file


@bash
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        (["avae", "ev"], ["evaluate"]),
        (["avae", "fit"], ["fit-align"]),
        (["avae", "train", "--work"], ["--workdir"]),
        (["avae", "align", "--over"], ["--overwrite"]),
        (["avae", "train", "--over"], []),
        (["avae", "train", "--config", "dig"], ["digits"]),
        (["avae", "train", "--platform", "g"], ["gpu"]),
        (["avae", "train", "--platform", "=", "t"], ["tpu"]),
        (["avae", "train", "--config.train.st"], ["--config.train.steps="]),
        (["avae", "train", "--config.model.name", "=", "den"], ["dense"]),
        (["avae", "train", "--config.train.search", "="], ["true", "false"]),
        (
            ["avae", "train", "--config.seed", "=", "3", "--config.model.name", "=", "pa"],
            ["patches"],
        ),
    ],
)
def test_bash_completes(script, line, completed):
    asked = ["bash", "--norc", "-c", ASK, "bash", str(script), *line]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stdout.split() == completed


@bash
def test_bash_knows_the_command_once_the_script_is_read(script):
    asked = ["bash", "--norc", "-c", f'source "{script}"; complete -p avae']
    assert "_avae avae" in subprocess.run(asked, capture_output=True, text=True, check=True).stdout


# Types lines, each with the tabulator key and control-T, in one terminal; that key writes what
# the line has become and clears it.
PRESS = r"""
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'probe() { print -r -- "$BUFFER" >>"'$2'"; BUFFER=; }'
zpty -w shell 'zle -N probe; bindkey "^T" probe'
zpty -w shell 'autoload -Uz compinit; compinit -u -D; eval "$(<'$1')"; echo rea""dy'
zpty -r -m shell seen '*ready*'
for line in "${@:3}"; do zpty -w -n shell "$line"$'\t\x14'; done
zpty -w shell 'exit'
zpty -r -m shell seen '*nothing more*'
"""
ZSH = {
    "avae eval": "avae evaluate",
    "avae train --workd": "avae train --workdir",
    "avae train --config dig": "avae train --config digits",
    "avae train --config.train.st": "avae train --config.train.steps=",
    "avae train --config.model.name=den": "avae train --config.model.name=dense",
}


@pytest.fixture(scope="module")
def in_zsh(tmp_path_factory):
    """What a terminal makes of each line: to start one takes longer than to type them all."""
    folder = tmp_path_factory.mktemp("zsh")
    script, left = folder / "avae.zsh", folder / "lines"
    script.write_text(completion("zsh"))
    asked = ["zsh", "-f", "-c", PRESS, "zsh", str(script), str(left), *ZSH]
    subprocess.run(asked, check=False, capture_output=True, timeout=60)
    return dict(zip(ZSH, map(str.rstrip, left.read_text().splitlines()), strict=True))


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
@pytest.mark.parametrize(("line", "completed"), ZSH.items())
def test_zsh_completes(in_zsh, line, completed):
    assert in_zsh[line] == completed
