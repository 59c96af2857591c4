"""Axes of arrays: those that are said, and hints at others."""

import h5py
import ml_dtypes
import mrcfile
import numpy as np
import pytest
import tifffile

from avae_jax.alignment.auto_options import suited
from avae_jax.config.options import DataOptions, Options
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.formats import open_stack
from tests.support.written_stacks import (
    contrast,
    round_trip,
    write_mrc,
)

# name: shape in the file, `data.axes`, shape [N, *S, C].
AXES = {
    "channels first": ((6, 3, 9, 7), "NCHW", (6, 9, 7, 3)),
    "five channels": ((6, 9, 7, 5), "NHWC", (6, 9, 7, 5)),
    "eleven channels first": ((6, 11, 9, 7), "NCHW", (6, 9, 7, 11)),
    "examples last": ((9, 7, 6), "HWN", (6, 9, 7, 1)),
    "Matlab's": ((9, 7, 3, 6), "HWCN", (6, 9, 7, 3)),
    "thin volumes": ((6, 9, 7, 4), "NDHW", (6, 9, 7, 4, 1)),
    "volumes with channels first": ((6, 2, 5, 9, 7), "NCDHW", (6, 5, 9, 7, 2)),
    "turned images": ((6, 7, 9), "NWH", (6, 9, 7, 1)),
}


def save_npz(path, values):
    np.savez(path, images=values, labels=np.arange(6) % 2)


def save_h5(path, values):
    with h5py.File(path, "w") as file:
        file["x"] = values


def save_columns(path, values):
    np.save(path, np.asfortranarray(values))


SAVERS = {"x.npy": np.save, "x.npz": save_npz, "x.h5": save_h5, "f.npy": save_columns}


@pytest.mark.standard
@pytest.mark.parametrize("file", SAVERS)
@pytest.mark.parametrize("name", AXES)
def test_axes_are_those_that_are_said(name, file, tmp_path):
    shape, axes, wanted = AXES[name]
    values = np.arange(np.prod(shape), dtype="i4").reshape(shape)
    SAVERS[file](tmp_path / file, values)
    stack, read = round_trip(tmp_path / file, tmp_path / "out" / file, axes)
    assert read.shape == stack.shape == wanted and f"data.axes={axes}" in stack.note
    letters = [letter for letter in "NDHWC" if letter in axes]
    expected = values.transpose([axes.index(letter) for letter in letters]).reshape(wanted)
    np.testing.assert_array_equal(read, expected)
    with open_stack(str(tmp_path / "out" / file), "".join(axes)) as made:
        assert made.shape == wanted
    if file == "x.npy":
        np.testing.assert_array_equal(np.load(tmp_path / "out" / file), values)
    kind = {"x.npz": "npz", "x.h5": "stack"}.get(file, "npy")
    options = DataOptions(source=f"{kind}:{tmp_path / file}", axes=axes, window=(0.0, values.max()))
    both = load(options, seed=0)
    found = np.sort(np.concatenate([both.train, both.test]).reshape(6, -1)[:, 0])
    np.testing.assert_allclose(
        found, np.sort(expected.reshape(6, -1)[:, 0] / values.max()), atol=1e-6
    )
    assert (both.train_labels is not None) == (file == "x.npz")


HINTS = {
    "channels first": ((6, 3, 9, 9), "data.axes=NCHW"),
    "five channels first": ((6, 5, 64, 64), "data.axes=NCHW"),
    "channels first of small images": ((5, 3, 9, 8), "data.axes=NCHW"),
    "five channels": ((6, 64, 64, 5), "data.axes=NHWC"),
    "five channels of small images": ((6, 9, 8, 5), "data.axes=NHWC"),
    "examples last, oblong": ((9, 8, 30), "data.axes=HWN"),
    "examples last": ((9, 9, 30), "data.axes=HWN"),
    "volumes with channels first": ((6, 2, 9, 9, 9), "data.axes=NCDHW"),
    "plain images": ((6, 9, 9), ""),
    "plain volumes": ((6, 9, 9, 9), ""),
    "plain colours": ((6, 9, 9, 3), ""),
}


@pytest.mark.parametrize("name", HINTS)
def test_other_axes_are_hinted_at(name, tmp_path):
    shape, said = HINTS[name]
    np.save(tmp_path / "x.npy", np.zeros(shape, "u1"))
    try:
        with open_stack(str(tmp_path / "x.npy")) as stack:
            found = stack.note
    except InputError as error:
        found = str(error)
    assert said in found and ("data.axes" in found) == bool(said)


BAD_AXES = {
    "NCHW": ((6, 9, 9), "4 axes, but .* has 3"),
    "CHW": ((6, 9, 9), "N, H, W and perhaps D and C"),
    "NHWH": ((6, 9, 9, 9), "N, H, W and perhaps"),
    "NXY": ((6, 9, 9), "N, H, W and perhaps"),
}


@pytest.mark.parametrize("axes", BAD_AXES)
def test_axes_that_cannot_be_are_refused(axes, tmp_path):
    shape, said = BAD_AXES[axes]
    np.save(tmp_path / "x.npy", np.zeros(shape, "u1"))
    with pytest.raises(InputError, match=said), open_stack(str(tmp_path / "x.npy"), axes):
        pass
    with pytest.raises(InputError, match=said):
        load(DataOptions(source=f"npy:{tmp_path / 'x.npy'}", axes=axes), seed=0)


def test_an_mrc_file_that_calls_itself_a_volume_can_be_images(tmp_path):
    values = contrast(1.0, (12, 9, 8)).astype("f4")
    path = write_mrc(tmp_path / "x.mrc", values)
    with open_stack(str(path)) as stack:
        assert stack.shape == (1, 12, 9, 8)
        assert any("data.axes=NHW" in n and ".mrcs" in n for n in stack.notes)
        with pytest.raises(InputError, match="one example.*calls it one volume.*data.axes=NHW"):
            suited(Options(), stack, untouched=frozenset())
    stack, read = round_trip(path, tmp_path / "out" / "x.mrc", "NHW")
    assert stack.shape == (12, 9, 8, 1) and not stack.notes
    np.testing.assert_array_equal(read[..., 0], values)
    assert mrcfile.read(tmp_path / "out" / "x.mrc").shape == (12, 9, 8)


def test_channels_apart_in_a_tiff_stack_are_read(tmp_path):
    values = np.arange(6 * 2 * 9 * 8, dtype="u2").reshape(6, 2, 9, 8)
    tifffile.imwrite(tmp_path / "x.tif", values, imagej=True, metadata={"axes": "TCYX"})
    stack, read = round_trip(tmp_path / "x.tif", tmp_path / "out" / "x.tif")
    np.testing.assert_array_equal(read, np.moveaxis(values, 1, -1))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / "x.tif"), values)


@pytest.mark.parametrize("file", ["x.npy", "x.npz"])
def test_bfloat16_is_taken(file, tmp_path):
    values = contrast(3.0, (6, 9, 8)).astype(ml_dtypes.bfloat16)
    SAVERS[file](tmp_path / file, values)
    stack, read = round_trip(tmp_path / file, tmp_path / "out" / file)
    assert stack.dtype == np.float32
    np.testing.assert_array_equal(read[..., 0], values.astype("f4"))
    loaded = load(DataOptions(source=f"{file[2:]}:{tmp_path / file}"), seed=0)
    assert np.isin(loaded.train, values.astype("f4")).all()
