"""Stacks of random numbers, read and written again in every format."""

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats import blocks, open_stack

COUNT = 5


def numbers(shape, dtype):
    return (np.random.default_rng(0).random((COUNT, *shape)) * 250).astype(dtype)


def copied(source, *, suffix=""):
    """The stack that was read piece by piece, and its copy with rows reversed, read back."""
    with open_stack(str(source) + suffix) as stack:
        pieces = [stack.read(*block) for block in blocks(COUNT, 2)]
        target = stack.path.with_name("made_" + stack.path.name)
        stack.write(target, iter([piece[:, ::-1] for piece in pieces]))
        kind = stack.dtype
    with open_stack(str(target) + suffix) as made:
        assert made.dtype == kind
        return np.concatenate(pieces), made.read(0, COUNT), target


def check(source, wanted, *, suffix=""):
    """Both ways: what is read is what was written, what is written is read again."""
    with open_stack(str(source) + suffix) as stack:
        assert stack.shape == wanted.shape
        assert stack.dtype == wanted.dtype
    read, made, target = copied(source, suffix=suffix)
    assert made.dtype == wanted.dtype
    np.testing.assert_array_equal(read, wanted)
    np.testing.assert_array_equal(made, wanted[:, ::-1])
    return target


def same_bytes(source, *, suffix=""):
    """Writing twice gives the same file."""
    first = copied(source, suffix=suffix)[2].read_bytes()
    assert first == copied(source, suffix=suffix)[2].read_bytes()


def refused(text):
    with pytest.raises(InputError) as caught, open_stack(str(text)) as stack:
        stack.read(0, stack.shape[0])
    return str(caught.value)
