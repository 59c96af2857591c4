"""Tests of `avae_jax.align`: arrays in, aligned arrays out."""

import csv

import numpy as np
import pytest

import avae_jax
from avae_jax import main
from tests.support.small_fit import SMALL, clubs

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@pytest.mark.full
def test_align_gives_what_fit_align_writes(tmp_path):
    """Of noisy images, by class averages; the table is that of poses.csv."""
    noisy = clubs(60, 16) / 255 + np.random.default_rng(1).normal(0, 0.3, (60, 16, 16))
    images = noisy.astype(np.float32)
    np.save(tmp_path / "noisy.npy", images)
    words = ["--mode", "fit-align", "--classes", "1", "--input", str(tmp_path / "noisy.npy")]
    assert main.main([*words, "--output", str(tmp_path / "out")]) == 0
    aligned, table = avae_jax.align(images, classes=1, progress=False)
    np.testing.assert_array_equal(aligned, np.load(tmp_path / "out" / "noisy.npy"))
    latents = table.pop("latents")
    np.testing.assert_array_equal(latents, np.load(tmp_path / "out" / "latents.npy"))
    with open(tmp_path / "out" / "poses.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(table) and len(rows) == 60
    for name in ("rotation_deg", "loss_after_nats", "class"):
        written = [float(row[name]) for row in rows]
        np.testing.assert_allclose(table[name], written, rtol=1e-5, atol=1e-6)


@pytest.mark.full
def test_align_by_a_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = clubs()
    posed = avae_jax.fit(images, progress=False, **SMALL)
    aligned, table = avae_jax.align(images, by=posed, progress=False)
    assert aligned.shape == images.shape and aligned.dtype == np.uint8
    assert {"rotation_deg", "doubtful", "latents", "name"} <= set(table)
    assert len(table["doubtful"]) == len(images) and not list(tmp_path.iterdir())
    assert (table["loss_after_nats"].mean()) <= table["loss_before_nats"].mean()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"method": "models"}, "method='models': one of auto, averages, model"),
        ({"by": 3}, "by: wanted a model of fit or load"),
        ({"images": clubs()[0]}, "images: an array of shape"),
    ],
)
def test_align_refuses_in_a_sentence(given, said):
    with pytest.raises(avae_jax.InputError, match=said):
        avae_jax.align(**{"images": clubs(), **given})
