"""Numbers keep their digits, their sign, their scale and the shape of their pixels."""

import nibabel
import numpy as np
import pytest
import tifffile

from avae_jax.alignment import programs
from avae_jax.alignment.levels import drawn, lowered, raised
from avae_jax.alignment.model_frame import Framing, into_model, own_poses, shown
from avae_jax.alignment.stack_statistics import survey
from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.formats import open_stack
from avae_jax.data.intensity import Scaling, scaled
from avae_jax.data.missing import Missing
from avae_jax.transform.frame import frame
from avae_jax.transform.matrices import identity
from tests.support.written_stacks import (
    RAMP,
    SHAPE,
    contrast,
    object_of,
    round_trip,
    write_mrc,
    write_nifti,
)

# name: values [N, H, W], the window of a model, how far the values may come back from.
WIDE = {
    "float64 on 1e8": (1e8 + contrast(4.0), (1e8, 1e8 + 4), 4e-6),
    "float64 on -1e12": (-1e12 + contrast(50.0), (-1e12, -1e12 + 50), 1e-3),
    "float64 that is tiny": (contrast(1e-30), (0, 1e-30), 1e-36),
    "float64 of one value": (np.full(SHAPE, 1e8 + 0.25), (1e8, 1e8 + 1), 0),
    "big-endian float64": ((1e9 + contrast(1.0)).astype(">f8"), (1e9, 1e9 + 1), 2e-6),
    "long double": (1e8 + contrast(4.0).astype(np.longdouble), (1e8, 1e8 + 4), 4e-6),
    "int32 on 2e9": ((2_000_000_000 + contrast(250)).astype("i4"), (2e9, 2e9 + 250), 0.5),
    "uint32 at its end": ((2**32 - 1 - contrast(99)).astype("u4"), (2**32 - 100, 2**32 - 1), 0.5),
    "int32 of its whole range": (
        np.rint((contrast() - 0.5) * (2**32 - 1)).clip(-(2**31), 2**31 - 1).astype("i4"),
        (-(2.0**31), 2.0**31),
        4295,
    ),
    "int64 on 2^52": (2**52 + np.rint(contrast(999)).astype("i8"), (2**52, 2**52 + 999), 0.5),
    "int64 on -2^62": (
        -(2**62) + np.rint(contrast(9999)).astype("i8"),
        (-(2**62), -(2**62) + 8192),
        0.5,
    ),
    "uint64 on 2^63": (2**63 + np.rint(contrast(9999)).astype("u8"), (2**63, 2**63 + 8192), 0.5),
    "float32": (contrast(300.0).astype("f4"), (0, 300), 0),
    "uint16": (contrast(65535).astype("u2"), (0, 65535), 0),
}


def framing_of(values, window, fill=0.5):
    own = frame(values.shape[1:-1])
    scaling = Scaling(*window, clip=True)
    return Framing(own, np.eye(own.d + 1), scaling, np.full(1, fill), DataOptions())


@pytest.mark.parametrize("name", WIDE)
def test_what_is_seen_and_what_comes_back(name):
    values, (low, high), within = WIDE[name]
    raw = values[..., None]
    seen = framing_of(raw, (low, high))
    whole = raw.astype("O") if raw.dtype.kind in "iu" else raw
    wanted = ((whole - type(whole.flat[0])(low)) / (high - low)).astype("f8").clip(0, 1)
    np.testing.assert_allclose(scaled(raw, seen.scaling), wanted, atol=2e-7)
    levels = lowered(raw, seen)
    assert levels.values.dtype == np.float32 and np.isfinite(levels.values).all()
    back = raised(levels.values, levels, values.dtype)
    assert back.dtype == values.dtype
    assert abs(back.astype(whole.dtype) - whole).max() <= within
    outside = raised(np.broadcast_to(levels.fill[:, None, None], raw.shape), levels, values.dtype)
    np.testing.assert_allclose(
        (outside.astype(whole.dtype) - whole.dtype.type(int(low))).astype("f8")
        if raw.dtype.kind == "f"
        else (outside.astype("O") - int(low)).astype("f8"),
        (high - low) / 2,
        atol=max(2 * within, 1e-6 * (high - low), 0.5 * (raw.dtype.kind != "f")),
    )
    made = drawn(levels.values * 0 + np.float32(0.5), seen, values.dtype)
    assert made.dtype == values.dtype and len(np.unique(made)) == 1


@pytest.mark.parametrize("top", [1e-60, 1e60])
def test_contrast_that_float32_cannot_hold_is_kept(top):
    values = contrast(top)[..., None]
    levels = lowered(values, framing_of(values, (0, top), fill=0))
    np.testing.assert_allclose(levels.values.max(), 1)
    back = raised(levels.values, levels, values.dtype)
    np.testing.assert_allclose(back / top, values / top, atol=1e-6)


@pytest.mark.parametrize(("dtype", "value"), [("i2", -9), ("f4", None), ("f8", -9.5)])
def test_pixels_that_were_not_observed_come_back_as_their_mark(dtype, value):
    """Some of an image, and those only."""
    raw = np.arange(12, dtype=dtype).reshape(1, 3, 4, 1)
    levels = lowered(raw, framing_of(raw, (0, 11)))
    gone = raw % 5 == 2
    missing = Missing(value, nan=value is None)
    back = raised(np.where(gone, np.nan, levels.values), levels, raw.dtype, missing=missing)
    np.testing.assert_allclose(back, np.where(gone, missing.written, raw), rtol=1e-6)


def test_pixels_without_a_mark_come_back_as_they_are():
    moved = np.float32([[[[1.5], [np.nan]]]])
    back = raised(moved, lowered(moved, framing_of(moved, (0, 11))), moved.dtype)
    np.testing.assert_array_equal(back, moved)


def test_drawn_integers_keep_their_last_digit():
    """At an offset where doubles are hundreds apart."""
    low = -(2**62)
    seen = framing_of(np.zeros((1, 1, 3, 1)), (low, low + 8192))
    made = drawn(np.float32([[[[0], [0.123], [1]]]]), seen, np.dtype(np.int64))
    assert (made.ravel() - low).tolist() == [0, 1008, 8192]


@pytest.mark.standard
def test_a_move_keeps_the_digits_of_doubles():
    values = (1e8 + contrast(4.0))[..., None]
    levels = lowered(values, framing_of(values, (1e8, 1e8 + 4)))
    turned = np.stack([np.asarray(identity(2)).copy() for _ in values])
    turned[:, :2, :2] = [[0, -1], [1, 0]]
    square, fills = levels.values[:, 1:8], levels.fill
    moved = programs.move(square, turned, fills, own=frame((7, 7)), interpolation="linear")
    back = raised(np.asarray(moved), levels, values.dtype)
    wanted = np.rot90(values[:, 1:8], 1, axes=(1, 2))
    np.testing.assert_allclose(back - 1e8, wanted - 1e8, atol=4e-6)


HUGE = {
    "1e39": (1e39, r"example 2 holds 1e\+39, too large for 32 bits"),
    "-1e300": (-1e300, r"example 2 holds -1e\+300, too large"),
    "NaN": (np.nan, "example 2 holds NaN or infinity"),
}


@pytest.mark.parametrize("name", HUGE)
def test_what_float32_cannot_hold_is_said_of_its_example(name, tmp_path):
    number, said = HUGE[name]
    values = contrast(1.0, (20, 8, 8))
    values[2, 3, 4] = number
    np.save(tmp_path / "x.npy", values)
    with open_stack(str(tmp_path / "x.npy")) as stack, pytest.raises(InputError, match=said):
        survey(stack, DataOptions())
    with pytest.raises(InputError, match="example 2 holds"):
        load(DataOptions(source=f"npy:{tmp_path / 'x.npy'}", window=(0.0, 1.0)), seed=0)


@pytest.mark.parametrize(
    "low, top, dtype",
    [(10**8, 4, "f8"), (2 * 10**9, 200, "i4"), (2**32 - 301, 300, "u4"), (2**50, 9999, "i8")],
)
def test_wide_numbers_without_a_window_are_not_made_a_few_steps(low, top, dtype, tmp_path):
    np.save(tmp_path / "x.npy", (low + contrast(top, (20, 8, 8))).astype(dtype))
    source = f"npy:{tmp_path / 'x.npy'}"
    with pytest.raises(InputError, match=rf"{low} to {low + top}.*data.window="):
        load(DataOptions(source=source), seed=0)
    seen = load(DataOptions(source=source, window=(low, low + top)), seed=0).train
    assert len(np.unique(seen)) > 0.9 * min(seen.size, top if dtype != "f8" else seen.size)


# name: type, slope and intercept of each file.
SCALES = {
    "each its own": ("i2", [(0.5, 10), (0.25, -3), (2, 0)]),
    "one without": ("i2", [(1, 0), (0.001, 5), (1, 0)]),
    "an intercept alone": ("u1", [(1, -1024), (1, -1000)]),
    "negative": ("u2", [(-0.5, 100), (3, 4)]),
    "floats": ("f4", [(2, 1), (1, 0)]),
    "none": ("i2", [(1, 0), (1, 0)]),
}


@pytest.mark.parametrize("name", SCALES)
def test_volumes_are_compared_by_real_values(name, tmp_path):
    dtype, lines = SCALES[name]
    raw = np.rint(contrast(100.0, (len(lines), 6, 5, 8))).astype(dtype)
    (tmp_path / "in").mkdir()
    for number, line in enumerate(lines):
        write_nifti(tmp_path / "in" / f"{number}.nii", raw[number], *line)
    stack, values = round_trip(tmp_path / "in", tmp_path / "out")
    wanted = np.stack([s * r.astype("f8") + i for r, (s, i) in zip(raw, lines, strict=True)])
    assert stack.dtype == (dtype if name == "none" else "f8")
    np.testing.assert_allclose(values[..., 0], wanted, rtol=1e-6)
    for number in range(len(lines)):
        names = [tmp_path / folder / f"{number}.nii" for folder in ("in", "out")]
        assert names[0].read_bytes() == names[1].read_bytes()


def test_volumes_of_one_file_have_its_scale(tmp_path):
    raw = np.rint(contrast(30000.0, (6, 5, 8, 7))).astype("i2")
    path = write_nifti(tmp_path / "x.nii", raw, 0.1, -1000)
    with open_stack(str(path)) as stack:
        values = stack.raw(0, 7)
        stack.write(tmp_path / "y.nii", [values + 0.04])  # less than half a step
    np.testing.assert_allclose(values[..., 0], np.moveaxis(raw, -1, 0) * 0.1 - 1000, atol=1e-4)
    np.testing.assert_array_equal(
        np.asarray(nibabel.load(tmp_path / "y.nii").dataobj.get_unscaled()), raw
    )


def sized_mrc(path, values, sizes, **more):
    voxel = np.rec.array(tuple(sizes), dtype=[(axis, "f4") for axis in "xyz"])
    return write_mrc(path, values, voxel_size=voxel, **more)


def sized_nifti(path, values, sizes):
    return write_nifti(path, np.moveaxis(values, 0, -1), 1, 0, sizes)


def sized_tiff(path, values, sizes, **more):
    *_, high, wide = sizes
    how = {"photometric": "minisblack", "resolution": (1 / wide, 1 / high), **more}
    tifffile.imwrite(path, values, **how)
    return path


def sized_imagej(path, values, sizes):
    axes = "TZYX"[-values.ndim :] if values.ndim == 4 else "TYX"
    metadata = {"axes": axes, "spacing": sizes[0], "unit": "um"}
    return sized_tiff(path, values, sizes, imagej=True, metadata=metadata)


def sized_ome(path, values, sizes):
    metadata = {
        "axes": "TZYX",
        **{f"PhysicalSize{a}": s for a, s in zip("ZYX", sizes, strict=True)},
    }
    tifffile.imwrite(path, values, ome=True, metadata=metadata)
    return path


# name: how a file is made of [N, *S] and of the sizes of a pixel on S.
SPACED = {
    "MRC images": ("x.mrcs", (20, 11), (1, 2), lambda p, v, s: sized_mrc(p, v, (s[1], s[0], 1))),
    "MRC volumes": (
        "x.mrc",
        (8, 20, 20),
        (2.5, 1, 1),
        lambda p, v, s: sized_mrc(p, v, s[::-1]),
    ),
    "ImageJ": ("x.tif", (8, 20, 20), (2.5, 1, 1), sized_imagej),
    "OME": ("x.tif", (8, 20, 20), (2.5, 1, 1), sized_ome),
    "TIFF": (
        "x.tif",
        (20, 10),
        (1, 2),
        lambda p, v, s: sized_tiff(p, v, s, resolutionunit="CENTIMETER", metadata=None),
    ),
    "NIfTI": ("x.nii", (20, 18, 7), (1, 1, 3), sized_nifti),
    "NIfTI of four slices": ("x.nii", (20, 18, 4), (1, 1, 4), sized_nifti),
    "NIfTI in millimetres": ("x.nii", (20, 18, 10), (0.7, 0.7, 1.4), sized_nifti),
}


@pytest.mark.standard
@pytest.mark.parametrize("name", SPACED)
def test_pixels_that_are_not_alike_are_seen_alike(name, tmp_path):
    file, shape, sizes, make = SPACED[name]
    spacing = tuple(np.array(sizes) / min(sizes))
    values = np.stack([object_of(shape, spacing)] * 4).astype("f4")
    path = make(tmp_path / file, values, sizes)
    stack, read = round_trip(path, tmp_path / "out" / file)
    np.testing.assert_allclose(stack.spacing, spacing, rtol=1e-6)
    np.testing.assert_array_equal(read[..., 0], values)
    assert any("one pixel size" in note for note in stack.notes)
    sides = tuple(np.rint(np.multiply(shape, spacing)).astype(int))
    inner = frame((24,) * len(shape))
    into = into_model(frame(shape, spacing=stack.spacing), inner, 1.0)
    seen = Framing(
        frame(shape, spacing=stack.spacing), into, Scaling(0, 1), np.zeros(1), DataOptions(size=24)
    )
    whole = load(DataOptions(source=f"stack:{path}"), seed=0)
    assert whole.train.shape[1:] == (*sides, 1)
    assert any("one pixel size" in note for note in whole.notes)
    same_places(whole.train[0, ..., 0], object_of(sides))
    # Turned in its own pixels, an object is what it is turned in square ones.
    quarter = np.eye(len(shape) + 1, dtype=np.float32)
    quarter[-3:-1, -3:-1] = [[0, -1], [1, 0]]
    np.testing.assert_allclose(own_poses(quarter, seen), quarter, atol=1e-12)
    if not name.startswith("MRC"):
        return  # to compile it for each takes long
    levels = lowered(read, seen)
    how = {"own": seen.own, "interpolation": "linear"}
    turned = programs.move(levels.values[:1], quarter[None], levels.fill[:1], **how)
    square = shown(np.asarray(turned), seen)[0, ..., 0]
    same_places(square, np.rot90(shown(read[:1], seen)[0, ..., 0], 1, axes=(-2, -1)))


def same_places(image, wanted):
    """Mean and spread of two objects are alike, as far as resampling leaves them."""
    for ours, theirs in zip(places(image), places(wanted), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1.5)


def places(image):
    grid = np.indices(image.shape).reshape(image.ndim, -1)
    return np.average(grid, axis=1, weights=image.ravel()), np.cov(grid, aweights=image.ravel())


def test_a_resolution_without_a_unit_is_no_size(tmp_path):
    values = contrast(1.0, (4, 20, 10)).astype("f4")
    path = sized_tiff(tmp_path / "x.tif", values, (1, 2), resolutionunit="NONE", metadata=None)
    with open_stack(str(path)) as stack:
        assert stack.spacing == () and not stack.notes


def test_a_folder_of_other_voxels_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    for number, zooms in enumerate([(1, 1, 2), (1, 1, 2), (1, 1, 3)]):
        write_nifti(
            tmp_path / "in" / f"{number}.nii", RAMP[0, :10, :10, None].repeat(9, 2), 1, 0, zooms
        )
    with (
        open_stack(str(tmp_path / "in")) as stack,
        pytest.raises(InputError, match="2.nii: voxels of 1 x 1 x 3 .*resample"),
    ):
        survey(stack, DataOptions())


def test_absurd_pixels_are_refused(tmp_path):
    path = sized_nifti(tmp_path / "x.nii", np.ones((3, 6, 6, 6), "f4"), (1, 1, 1e6))
    with pytest.raises(InputError, match="at most 50 times"), open_stack(str(path)):
        pass
