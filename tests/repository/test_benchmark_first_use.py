"""The benchmark of what a user waits for: processes of their own, first and later."""

import json
import sys

import pytest

from benchmarks.cost import first_use


@pytest.mark.full
def test_first_use_finds_the_programs_that_the_first_process_left(tmp_path, monkeypatch, capsys):
    file = tmp_path / "first_use.json"
    case = "listen()\nimport jax, avae_jax\nfrom avae_jax.core import compile_cache\n"
    case += "compile_cache.use()\njax.jit(lambda x: (x @ x).sum())(jax.numpy.ones((9, 9)))\n"
    monkeypatch.setattr(first_use, "CASES", {"product": case})
    monkeypatch.setattr(sys, "argv", ["first_use", "--json", str(file)])
    first_use.main()
    first, later = json.loads(file.read_text())["first_use"]["product"]
    for row in (first, later):
        assert 0 < row["compile_seconds"] < row["seconds"] and row["cpu_seconds"] > 0
    assert capsys.readouterr().out.count("product ") == 2
