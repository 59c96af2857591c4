"""Tests of `avae_jax.data.formats.memory`."""

import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack
from avae_jax.data.formats.memory import memory_stack


@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 6, 7, 3), (5, 6, 7, 8), (5, 6, 7, 8, 2)])
def test_memory_stack_is_read_as_a_file_of_it(shape, tmp_path):
    array = np.random.default_rng(0).normal(size=shape)
    np.save(tmp_path / "a.npy", array)
    stack = memory_stack(array)
    with open_stack(str(tmp_path / "a.npy")) as other:
        assert (stack.example, stack.note, stack.dtype) == (other.example, other.note, other.dtype)
        np.testing.assert_array_equal(stack.raw(1, 4), other.raw(1, 4))
    assert stack.name == "images" and stack.key(2) == "images[2]"


def test_memory_stack_source_tells_arrays_and_labels_apart():
    array, labels = np.arange(5 * 36.0).reshape(5, 6, 6), np.arange(5)
    sources = {
        memory_stack(each, known).source
        for each, known in [(array, None), (array[::-1], None), (array, labels), (array, -labels)]
    }
    assert len(sources) == 4 and memory_stack(array.copy()).source in sources
    assert memory_stack(array, axes="NWH").example == (6, 6, 1)


def test_memory_stack_refuses_what_holds_no_images():
    for wrong, said in (
        (None, "images: NoneType; an array of numbers"),
        (np.array([None]), "images: an array of object;"),
        ([[1], [1, 2]], "unequal"),
        ("a", "dtype"),
        (np.zeros((3, 3)), "shape"),
    ):
        with pytest.raises(InputError, match=said):
            memory_stack(wrong)
