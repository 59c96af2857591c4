"""Tests of `avae_jax.alignment.trial_write`."""

import os

import numpy as np
import pytest

from avae_jax.alignment import trial_write
from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack
from tests.support.alignment_outputs import SIDE, contents

pytestmark = pytest.mark.standard


def test_require_writable_refuses_at_once(tmp_path, monkeypatch):
    """A stack that cannot be written again is found out at once."""
    np.save(tmp_path / "x.npy", np.zeros((3, SIDE, SIDE), np.float32))
    monkeypatch.setattr("avae_jax.data.formats.npy.write_examples", None)
    with open_stack(str(tmp_path / "x.npy")) as stack:
        with pytest.raises(InputError, match="cannot be written again in its format"):
            trial_write.require_writable(stack, tmp_path / "new" / "out")
    assert os.listdir(tmp_path) == ["x.npy"]


def test_require_writable_leaves_nothing_behind(pictures, tmp_path):
    """The trial leaves nothing behind."""
    before = contents(tmp_path)
    with open_stack(str(pictures)) as stack:
        trial_write.require_writable(stack, tmp_path / "user")
    assert contents(tmp_path) == before
