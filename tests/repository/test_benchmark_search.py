"""The benchmark of searches: what a row says, whatever the number of examples and their batches."""

import functools

import numpy as np
import pytest

from avae_jax.config.options import ModelOptions, SearchOptions, TrainOptions
from benchmarks.accelerators import DTYPES, PEAK, share_of_peak
from benchmarks.data import Objects
from benchmarks.search import measure, models
from tests.support.single_object import blobs

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
# What the table of the benchmark promises of every row.
PROMISED = {"loss", "true_loss", "within_20", "forward_equivalents", "ms_per_example", "peak_mib"}
FEW = SearchOptions(starts=3, keep=1, steps=1, prototypes=2, turns=12)


@functools.cache
def case() -> measure.Case:
    """Three held-out blobs, brighter and darker, and a model that has hardly learned."""
    shades = np.linspace(0.4, 1, 8, dtype=np.float32)[:, None, None, None]
    images = shades * blobs((12, 12))
    objects = Objects(images[:5], images[5:], np.zeros(1, np.float32))
    how = TrainOptions(steps=2, batch_size=4, warmup=0)
    model = models.train(objects, ModelOptions(latent=2, hidden=(8,)), how)
    return measure.case_of(model, objects, models.wrap(model.model, objects, "rotation"))


@pytest.mark.full
def test_searches_in_jax_measured_one_after_another(monkeypatch):
    """Searches of a family are measured one after another."""
    monkeypatch.setattr(measure, "LEAST", 0.0)
    tries = {name: measure.Try(case(), FEW) for name in ("one", "other")}
    found = dict(measure.searches_in_jax(tries))
    assert list(found) == list(tries)
    for row in found.values():
        assert PROMISED | {"network"} <= set(row)
        assert row["true_loss"] == found["one"]["true_loss"] and np.isfinite(row["loss"])
        assert row["examples"] == 3 and 0 <= row["within_20"] <= 1 and row["ms_per_example"] > 0
        assert row["forward_equivalents"] == found["one"]["forward_equivalents"] > 3


@pytest.mark.full
def test_losses_independent_of_the_batch():
    """Losses do not depend on the batch."""
    all_three, true = case(), np.linalg.inv(case().applied).astype(np.float32)
    np.testing.assert_allclose(measure.losses(all_three, true), all_three.true_losses, rtol=1e-6)
    two = all_three.first(2)
    assert len(two.observed) == 2
    np.testing.assert_allclose(measure.losses(two, true[:2]), two.true_losses, rtol=1e-6)


def test_share_of_peak_of_known_gpus_only():
    """The share of a peak is told of known gpus only."""
    assert all(len(rates) == len(DTYPES) for rates in PEAK.values())
    assert share_of_peak(1e12, dtype="float32") == {}
