"""Mistakes at the command lines of the benchmarks: one sentence, status 2, nothing computed."""

import sys

import numpy as np
import pytest

from benchmarks import command_line
from benchmarks.search import __main__ as search


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--steps", "-3"], "argument --steps: -3, wanted at least 1"),
        (["--images", "0"], "argument --images: 0, wanted at least 1"),
        (["--json", "none/s.json"], "argument --json: none/s.json, wanted a file in a folder that"),
        (["--data", "none"], "none/mnist: no such folder"),
        (["--volumes", "none.npz"], "none.npz: no such file"),
        (["--volumes", "flat.npz"], "flat.npz: holds a (3,) float64"),
    ],
)
def test_command_line_refuses_in_one_sentence(given, said, tmp_path, monkeypatch, capsys):
    """What cannot be used is one sentence."""
    monkeypatch.chdir(tmp_path)
    np.savez("flat.npz", a=np.zeros(3))
    monkeypatch.setattr(sys, "argv", ["search", *given])
    with pytest.raises(SystemExit) as ended:
        command_line.run(search.main)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["flat.npz"]
