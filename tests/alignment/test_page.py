"""Tests of `avae_jax.alignment.page`."""

import numpy as np

from avae_jax.alignment import page
from avae_jax.report import folder


def block(start, stop):
    return {
        "index": range(start, stop),
        "name": [f"x[{i}]" for i in range(start, stop)],
        "rotation_deg": np.arange(start, stop, dtype=float),
        "align_rotation_deg": np.zeros(stop - start),
        "doubtful": np.zeros(stop - start, bool),
    }


def test_table_joins_blocks_up_to_the_limit(monkeypatch):
    monkeypatch.setattr(folder, "MOST", 5)
    found = page._table([block(0, 3), block(3, 6), block(6, 9)])
    assert list(found) == ["name", "rotation_deg", "doubtful"]
    np.testing.assert_array_equal(found["rotation_deg"], np.arange(5))


def test_verdict_counts_doubtful_poses():
    numbers = {"examples": 200, "doubtful": 3, "loss_before_nats": 9.0, "loss_after_nats": 4.5}
    said = page._verdict(numbers, averaged=False)
    assert said.startswith("200 examples were aligned; the mean loss fell from 9.0 to 4.5 nats.")
    assert "3 poses are doubtful (1.5%)" in said
    assert page._verdict(numbers | {"doubtful": 0}, averaged=True) == (
        "200 examples were aligned. No pose is doubtful."
    )
