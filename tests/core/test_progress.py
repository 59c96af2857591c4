"""Tests of `avae_jax.core.progress`."""

import io

from avae_jax.core.progress import progress_bar, silent


def test_progress_bar_leaves_few_lines_in_a_file(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr("sys.stderr", file)
    with progress_bar(total=1000, desc="reading", file=file) as bar:
        assert bar.mininterval == 15
        for _ in range(1000):
            bar.update()
    assert file.getvalue().count("reading") == 2
    assert "1000/1000" in file.getvalue()


def test_silent_neither_prints_nor_draws(capsys):
    with silent():
        print("not this")
        with progress_bar(total=2) as bar:
            bar.update()
    assert capsys.readouterr() == ("", "")
