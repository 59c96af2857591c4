"""`stack:PATH`."""

import numpy as np
import tifffile

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
