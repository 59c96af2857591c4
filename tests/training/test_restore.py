"""Tests of `avae_jax.training.restore`."""

import functools
import os

import jax
import numpy as np
import pytest

import avae_jax
from avae_jax.config.options import Options
from avae_jax.core.errors import InputError
from avae_jax.training import restore as reading
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.restore import frame_in, restore, with_raw_key
from avae_jax.training.workdir import WorkDir
from tests.support.tiny_vae import compiled, trained

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def test_load_model_poses_an_image_without_its_data(digits):
    """A trained model poses an image without its data."""
    workdir, _ = digits
    trained = avae_jax.load(workdir)
    x = np.random.default_rng(0).uniform(size=(2, 24, 24, 1)).astype(np.float32)
    keys = avae_jax.example_keys(jax.random.key(0), np.arange(2))
    find = functools.partial(avae_jax.find_poses, avae=trained.avae, options=trained.search)
    found = jax.jit(find)(trained.params, keys, x, bank=trained.bank)
    assert found.pose.shape == (2, 3, 3)
    assert np.isfinite(found.loss).all()
    assert avae_jax.canonicalise(x[0], found.pose[0], avae=trained.avae).shape == (24, 24, 1)


def leaves(tree):
    return jax.device_get(jax.tree.leaves(tree))


@pytest.mark.full
@pytest.mark.parametrize("kind", ["bank", "learned", "remembered"])
def test_restore_state_to_the_bit(kind, tmp_path):
    """A state comes back from a checkpoint to the bit."""
    state, begun = trained(kind, 30)[0], compiled(kind)[1]
    with Checkpoints(tmp_path, keep=1, every=1) as checkpoints:
        assert checkpoints.save(30, with_raw_key(state))
        checkpoints.wait()
        found = restore(begun, checkpoints)
    assert jax.tree.structure(found) == jax.tree.structure(state)
    for a, b in zip(leaves(with_raw_key(found)), leaves(with_raw_key(state)), strict=True):
        np.testing.assert_array_equal(a, b)


# Names that a file system takes and a page, a table or a terminal must not be led astray by.
NASTY = ["<script>alert(1)<", '"quo\'ted" & $x$', "line\nbreak\t\x1b[31m"]
NASTY.append(os.fsdecode(b"\xff\xfe"))


@pytest.mark.parametrize(
    "text",
    [
        '{"shape": [8, 9], "fill": [0.0]}',
        '{"shape": [8, 9, 1], "fill": 0.0}',
        '{"shape": [8, 9, 1], "fill": ["0"]}',
        '{"shape": [8, -9, 1], "fill": [0.0]}',
        '{"shape": [8, 1000000000, 1], "fill": [0.0]}',
        '{"shape": "891", "fill": [0.0]}',
    ],
)
def test_frame_in_garbled_refused(text, tmp_path):
    (tmp_path / "frame.json").write_text(text)
    with pytest.raises(InputError, match="frame.json is garbled"):
        frame_in(WorkDir(tmp_path))


def test_saved_state_follows_a_training_that_goes_on(tmp_path, monkeypatch):
    """The checkpoint that was there when a reader looked is deleted, a newer one is there."""
    state, begun = trained("bank", 30)[0], compiled("bank")[1]
    workdir, looked = WorkDir(tmp_path), []

    def save(step):
        with Checkpoints(workdir.checkpoints, keep=1, every=1) as checkpoints:
            checkpoints.save(step, with_raw_key(state))

    def overtaken(begun, saved, **how):
        looked.append(saved.steps())
        if len(looked) == 1:
            save(2)
        return restore(begun, saved, **how)

    save(1)
    monkeypatch.setattr(reading, "restore", overtaken)
    found = reading.saved_state(begun, Options(), workdir)
    assert looked == [[1], [2]]
    np.testing.assert_array_equal(leaves(found.params)[0], leaves(state.params)[0])
