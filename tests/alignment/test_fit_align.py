"""Tests of `avae_jax.alignment.fit_align`."""

import json

import jax
import numpy as np
import pytest
from PIL import Image

from avae_jax.alignment.auto_options import SAMPLED
from avae_jax.main import main
from tests.support.alignment_commands import SMALL, command, images

pytestmark = pytest.mark.standard


@pytest.mark.full
def test_fit_align_command_folder(tmp_path, capsys):
    folder = tmp_path / "mine"
    folder.mkdir()
    for n, image in enumerate(images(30, (60, 52, 3))):
        Image.fromarray(image).save(folder / f"{n:02}.png")
    small = {name: v for name, v in SMALL.items() if name not in ("data.limit", "train.batch_size")}
    called = command("fit-align", "--input", folder, "--output", tmp_path / "out", **small)[3:]
    with jax.numpy_dtype_promotion("standard"):
        assert main(called) == 0
    said = capsys.readouterr().out
    assert "Shown to the model at 48 x 48" in said
    with Image.open(tmp_path / "out" / "mine" / "07.png") as image:
        assert image.size == (52, 60) and image.mode == "RGB"
    config = json.loads((tmp_path / "out" / "model" / "config.json").read_text())
    assert config["data"]["source"] == f"stack:{folder}" and config["data"]["pose"] == "as_is"
    assert config["train"]["batch_size"] == 24
    # Images in poses of their own: nobody can tell how well found poses agree.
    summary = json.loads((tmp_path / "out" / "model" / "report" / "summary.json").read_text())
    assert set(summary["pose"].values()) == {summary["loss"]["posed_true"]} == {None}
    # Turned once more they are smoother: their losses do not compare with those as they come.
    assert "loss in nats: posed" in said and "poses:" not in said
    assert (tmp_path / "out" / "model" / "report" / "index.html").exists()
    assert main(called) == 0
    again = capsys.readouterr().out
    assert "finished before" in again and "evaluating" not in again
    for steps, said in (
        (1, f"train.steps=1: the model in {tmp_path / 'out' / 'model'} has 2 updates"),
        (3, f"output {tmp_path / 'out'}: holds the alignment by a model of 2 updates, and "),
    ):
        assert main([*called, f"--config.train.steps={steps}"]) == 2
        assert said in capsys.readouterr().err


def test_fit_align_command_finds_nan_before_training(tmp_path, capsys):
    """Nan that a first look misses is found before training."""
    stack = np.random.default_rng(0).random((300, 16, 16)).astype(np.float32)
    looked_at = np.linspace(0, 299, SAMPLED).round()
    missed = next(place for place in range(300) if place not in looked_at)
    stack[missed, 2, 2] = np.nan
    np.save(tmp_path / "x.npy", stack)
    flags = ["--mode", "fit-align", "--input", tmp_path / "x.npy", "--output", tmp_path / "out"]
    assert main(list(map(str, flags))) == 2
    said = capsys.readouterr().err
    assert f"example {missed} holds NaN" in said and "skip_broken" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]
