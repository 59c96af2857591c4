"""`stack:PATH`."""

import numpy as np
import tifffile

from avae_jax.data.sources import stack
from avae_jax.data.sources.registry import open_source
from tests.support.stack_samples import COUNT, numbers


def test_stack_source_reads_examples(tmp_path):
    """A stack is a source of data."""
    wanted = numbers((9, 7), ">u2")
    tifffile.imwrite(tmp_path / "x.tif", wanted, byteorder=">")
    source = open_source(f"stack:{tmp_path / 'x.tif'}")
    examples, labels = source.train.read(np.array([4, 0, 2]))
    assert source.train.count == COUNT and labels is None
    np.testing.assert_array_equal(examples[..., 0], wanted[[4, 0, 2]])


def test_stack_source_reads_runs_in_their_places(tmp_path, monkeypatch):
    """Neighbours are read at once, at most as many as are allowed, and end in their places."""
    array = np.random.default_rng(0).random((40, 6, 5)).astype(np.float32)
    np.savez(tmp_path / "x.npz", images=array, labels=np.arange(40) % 7)
    source = open_source(f"stack:{tmp_path / 'x.npz'}")
    for indices in (np.random.default_rng(1).permutation(40), np.array([39, 3, 4, 5, 0, 38])):
        for examples in (1, 3, 1000):
            monkeypatch.setattr(stack, "RUN", examples * 120)
            found, labels = source.train.read(indices)
            np.testing.assert_array_equal(found[..., 0], array[indices])
            np.testing.assert_array_equal(labels, indices % 7)
