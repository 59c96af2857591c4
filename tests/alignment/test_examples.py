"""Tests of `avae_jax.alignment.examples`."""

import numpy as np

from avae_jax.alignment import examples
from avae_jax.alignment.row_store import Column


def test_shown_examples_are_the_most_doubtful(tmp_path, monkeypatch):
    """Those with the smallest gaps, in the order of the stack."""
    losses = Column(tmp_path / "losses.npy", (5, 3), np.float32)
    doubtful = Column(tmp_path / "doubtful.npy", (5,), bool)
    losses.write(0, np.float32([[9, 9, gap] for gap in (1, 4, 0, 2, 3)]))
    doubtful.write(0, np.array([True, True, False, True, True]))
    monkeypatch.setattr(examples, "WORST", 2)
    assert examples._worst({"losses": losses, "doubtful": doubtful}) == [0, 3]
