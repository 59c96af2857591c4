"""Stacks written as other programs write them, and read back."""

import mrcfile
import nibabel
import numpy as np
import pytest

from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack

SHAPE = (5, 9, 7)


def contrast(top=1.0, shape=SHAPE):
    """Numbers from 0 to `top`, both met."""
    values = np.random.default_rng(0).random(shape)
    values.flat[:2] = 0, 1
    return values * top


def object_of(shape, spacing=(), centre=0.15):
    """A blob beside the middle, round in physical space, `[*S]` from 0 to 1."""
    sizes = np.array(spacing or (1.0,) * len(shape))
    middle = (np.array(shape) - 1) / 2
    places = (np.moveaxis(np.indices(shape), 0, -1) - middle) * sizes
    extent = (np.array(shape) * sizes).max()
    ahead = np.zeros(len(shape))
    ahead[-1] = centre * extent
    return np.exp(-((places - ahead) ** 2).sum(-1) / (2 * (0.1 * extent) ** 2))


def write_mrc(path, values, *, header=None, **more):
    """Values as they lie in an MRC file; fields of its header changed afterwards."""
    with mrcfile.new(path) as file:
        file.set_data(values)
        for name, value in more.items():
            setattr(file, name, value)
    if header:
        whole = bytearray(path.read_bytes())
        for place, number in header.items():
            whole[place : place + 4] = np.array(number).astype("<i4").tobytes()
        path.write_bytes(whole)
    return path


def round_trip(path, target, axes=""):
    """What is read, and what is read of what was written of it."""
    with open_stack(str(path), axes) as stack:
        values = stack.raw(0, stack.shape[0])
        target.parent.mkdir(exist_ok=True)
        middle = len(values) // 2
        stack.write(target, iter([values[:middle], values[middle:]]))
    with open_stack(str(target), axes) as made:
        np.testing.assert_array_equal(made.raw(0, made.shape[0]), values)
        assert made.shape == stack.shape and made.dtype == stack.dtype
    return stack, values


def write_nifti(path, raw, slope, intercept, zooms=(1, 1, 1)):
    image = nibabel.Nifti1Image(raw, np.diag([*zooms, 1]))
    image.header.set_zooms((*zooms, *(1,) * (raw.ndim - 3)))
    nibabel.save(image, path)
    # The library would scale the numbers for it.
    data = bytearray(path.read_bytes())
    data[112:120] = np.array([slope, intercept], "<f4").tobytes()
    path.write_bytes(data)
    return path


RAMP = np.rint(255 * np.stack([object_of((40, 40), centre=0.1 * n) for n in range(3)]))


def opened(path) -> np.ndarray:
    """All examples."""
    with open_stack(str(path)) as stack:
        return np.array(stack.read(0, stack.shape[0]))


def moved(path, folder, suffix=""):
    """The stack written again with its examples backwards, in two parts."""
    with open_stack(f"{path}{suffix}") as stack:
        values = np.array(stack.read(0, stack.shape[0]))[::-1]
        target = folder / f"made-{stack.result_name}"
        stack.write(target, [values[:2], values[2:]])
    np.testing.assert_array_equal(opened(f"{target}{suffix}"), values)
    return target


def refused(path) -> str:
    with pytest.raises(InputError) as caught, open_stack(str(path)) as stack:
        stack.read(0, 1)
    assert "\n" not in str(caught.value)
    return str(caught.value)
