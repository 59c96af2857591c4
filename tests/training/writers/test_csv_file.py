"""Tests of `avae_jax.training.writers.csv_file`."""

import numpy as np

from avae_jax.training.writers.base import Run
from avae_jax.training.writers.csv_file import CsvFile


def written(folder, step, *rows):
    writer = CsvFile(Run(folder, {}, step))
    for row in rows:
        writer.scalars(*row)
        writer.picture(row[0], "held_out", np.zeros((2, 2, 3), np.uint8))
    writer.close()
    return (folder / "metrics.csv").read_text().splitlines()


def test_csv_has_a_line_a_step_and_a_column_a_metric(tmp_path):
    lines = written(tmp_path, 0, (10, {"loss": 2.5, "kl": 1.0}), (20, {"kl": 0.5, "loss": 2.0}))
    assert lines == ["step,loss,kl", "10,2.5,1.0", "20,2.0,0.5"]


def test_csv_new_metric_is_a_new_column(tmp_path):
    lines = written(tmp_path, 0, (10, {"loss": 2.5}), (20, {"loss": 2.0, "head": 1.0}))
    assert lines == ["step,loss,head", "10,2.5,", "20,2.0,1.0"]


def test_csv_goes_on_where_the_run_does(tmp_path):
    """Lines of later steps, and one that a crash cut off, are dropped; a new run begins anew."""
    written(tmp_path, 0, *((step, {"loss": 1.0, "kl": 2.0}) for step in (10, 20, 30)))
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("40,1")
    assert written(tmp_path, 20, (30, {"loss": 9.0, "kl": 2.0})) == [
        "step,loss,kl",
        "10,1.0,2.0",
        "20,1.0,2.0",
        "30,9.0,2.0",
    ]
    assert written(tmp_path, 0, (10, {"loss": 3.0})) == ["step,loss", "10,3.0"]
