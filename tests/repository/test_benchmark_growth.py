"""The benchmark of growth: rows are measured once, kept, and printed as a table."""

import json
import sys

import pytest

from benchmarks.cost import growth


@pytest.mark.full
@pytest.mark.usefixtures("for_an_optimiser")
def test_growth_measures_a_row_once(tmp_path, monkeypatch, capsys):
    """A row is measured once and kept."""
    file, row = tmp_path / "growth.json", growth.Row(2, 12, 4, changes=growth.even(2))
    monkeypatch.setattr(growth, "ROWS", [row])
    monkeypatch.setattr(sys, "argv", ["growth", "--json", str(file), "--rows", "cpu"])
    growth.main()
    found = json.loads(file.read_text())
    numbers = found["cpu 12x12 batch 4 search.starts=2 search.kind=even"]
    assert numbers["memory_mib"] > 1 and numbers["core_ms"] > 0
    monkeypatch.setattr(growth, "measured", None)
    capsys.readouterr()
    growth.main()
    assert json.loads(file.read_text()) == found
    head, _, line = capsys.readouterr().out.splitlines()
    assert head.startswith("| step | core ms | memory, MiB |")
    assert line.startswith(f"| {row.name} | ") and line.count("|") == head.count("|")


@pytest.mark.standard
def test_growth_in_shape_takes_no_memory():
    """Examples of a plan take no memory."""
    experiment = growth.prepare(growth.options_of(growth.Row(2, 12, 4), batch=1))
    many = growth.in_shape(experiment, 2**20)
    assert many.options.train.batch_size == 2**20
    assert many.dataset.train.shape == (2**20, 12, 12, 1)
    assert many.dataset.train.strides[0] == 0
