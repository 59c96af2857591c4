"""Tests of `avae_jax.alignment.example_map`."""

import types

import numpy as np
import pytest

from avae_jax.alignment import example_map
from avae_jax.alignment.row_store import Column
from avae_jax.report.folder import WORDS
from avae_jax.transform import family, frame

COUNT = 7


@pytest.fixture
def columns(tmp_path):
    random = np.random.default_rng(0)
    values = {
        "aligned": random.uniform(size=(COUNT, 16)),
        "poses": np.tile(np.eye(3), (COUNT, 1, 1)),
        "losses": np.stack([np.full(COUNT, 9.0), np.full(COUNT, 4.0), np.arange(COUNT)], 1),
        "doubtful": np.arange(COUNT) < 2,
        "latents": random.normal(size=(COUNT, 3)),
    }
    made = {}
    for name, rows in values.items():
        kind = bool if rows.dtype == bool else np.float32
        made[name] = Column(tmp_path / f"{name}.npy", rows.shape, kind)
        made[name].write(0, rows.astype(kind))
    return made


def work(known=None):
    raw = np.random.default_rng(1).uniform(size=(COUNT, 4, 4, 1)).astype(np.float32)
    stack = types.SimpleNamespace(
        shape=(COUNT, 16),
        example=(4, 4, 1),
        raw=lambda start, stop: raw[start:stop],
        key=lambda i: f"x[{i}]",
    )
    avae = types.SimpleNamespace(group=family("rotation", 2))
    return types.SimpleNamespace(
        stack=stack,
        trained=types.SimpleNamespace(avae=avae),
        seen=types.SimpleNamespace(own=frame((4, 4))),
        known=known,
    )


def test_map_holds_evenly_spaced_examples(columns, monkeypatch):
    monkeypatch.setattr(example_map, "levels", lambda raw, work: raw)
    monkeypatch.setattr(example_map, "MAPPED", {2: 4})
    found = example_map.example_map(work(), columns)
    assert found.places.tolist() == [0, 2, 4, 6] and found.names == ("x[0]", "x[2]", "x[4]", "x[6]")
    np.testing.assert_array_equal(found.gap, [0, 2, 4, 6])
    np.testing.assert_array_equal(found.doubtful, [True, False, False, False])
    assert found.observed.shape == found.canonical.shape == (4, 4, 4, 1)
    assert found.labels is None and (found.loss_after == 4).all()
    assert example_map.map_words(work()) == WORDS


def test_map_of_averages_has_classes_and_no_losses(columns, monkeypatch):
    monkeypatch.setattr(example_map, "levels", lambda raw, work: raw)
    known = types.SimpleNamespace(columns={"class": np.arange(COUNT) % 3 + 1})
    found = example_map.example_map(work(known), columns)
    assert found.labels.tolist() == [1, 2, 3, 1, 2, 3, 1]
    assert np.isnan(found.loss_before).all() and np.isnan(found.loss_after).all()
    assert "pixels" in example_map.map_words(work(known))["codes"]
