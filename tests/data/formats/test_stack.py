"""Tests of `avae_jax.data.formats.stack`."""

import numpy as np
from PIL import Image

from avae_jax.data.formats import blocks, open_stack
from tests.support.stack_samples import numbers


def test_stack_key_names_examples(tmp_path):
    np.save(tmp_path / "x.npy", numbers((9, 7), "u1"))
    with open_stack(str(tmp_path / "x.npy")) as stack:
        assert stack.key(3) == "x.npy[3]"
    (tmp_path / "f" / "b").mkdir(parents=True)
    for name in ("a.png", "b/c.png"):
        Image.fromarray(numbers((9, 7), "u1")[0]).save(tmp_path / "f" / name)
    with open_stack(str(tmp_path / "f")) as stack:
        assert [stack.key(0), stack.key(1)] == ["a.png", "b/c.png"]


def test_blocks_cover_the_whole_stack():
    """Pieces cover all of a stack."""
    assert list(blocks(7, 3)) == [(0, 3), (3, 6), (6, 7)]
