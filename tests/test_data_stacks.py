"""Formats of stacks, both ways, on files that the formats' own libraries wrote."""

import gzip
import struct
import sys

import h5py
import mrcfile
import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from avae_jax.core.errors import InputError
from avae_jax.data.formats import blocks, open_stack
from avae_jax.data.formats.gzip_files import created
from avae_jax.data.sources.registry import open_source

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


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "f4", ">f8", "?"])
@pytest.mark.parametrize("shape", [(9, 7), (9, 7, 1), (9, 7, 2), (7, 9, 3), (5, 5, 4), (6, 9, 7)])
def test_npy(shape, dtype, tmp_path):
    wanted = numbers(shape, dtype)
    np.save(tmp_path / "x.npy", wanted)
    target = check(tmp_path / "x.npy", wanted)
    np.testing.assert_array_equal(np.load(target), wanted[:, ::-1])
    same_bytes(tmp_path / "x.npy")


def test_npy_in_columns(tmp_path):
    wanted = numbers((9, 7), "f4")
    np.save(tmp_path / "x.npy", np.asfortranarray(wanted))
    target = check(tmp_path / "x.npy", wanted)
    assert np.load(target).flags.f_contiguous


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_keeps_its_other_arrays(save, tmp_path):
    wanted, labels = numbers((9, 7, 3), ">u2"), np.arange(COUNT)
    save(tmp_path / "x.npz", images=wanted, labels=labels)
    target = check(tmp_path / "x.npz", wanted)
    with np.load(target) as made:
        np.testing.assert_array_equal(made["labels"], labels)
        assert made["images"].dtype == ">u2"
    same_bytes(tmp_path / "x.npz")


def test_npz_in_columns(tmp_path):
    wanted = numbers((9, 7), "f4")
    np.savez(tmp_path / "x.npz", np.asfortranarray(wanted))
    check(tmp_path / "x.npz", wanted)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("code, dtype", [(8, "u1"), (11, ">i2"), (13, ">f4")])
def test_idx(code, dtype, packed, tmp_path):
    wanted = numbers((9, 7), dtype)
    path = tmp_path / ("x.gz" if packed else "train-images-idx3-ubyte")
    with created(path, packed=packed) as file:
        sides = np.array(wanted.shape, ">u4").tobytes()
        file.write(bytes([0, 0, code, 3]) + sides + wanted.tobytes())
    target = check(path, wanted)
    assert target.read_bytes().startswith(b"\x1f\x8b") == packed
    same_bytes(path)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"byteorder": ">"},
        {"byteorder": ">", "compression": "zlib"},
        {"bigtiff": True},
        {"imagej": True},
        {"ome": True},
        {"metadata": None},
    ],
    ids=str,
)
def test_tiff_of_pages(how, tmp_path):
    big = how.get("byteorder") or ("imagej" in how and ">")
    wanted = numbers((9, 7), ">u2" if big else "<u2")
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, wanted, resolution=(300, 200), **how)
    target = check(path, wanted)
    np.testing.assert_array_equal(tifffile.imread(target), wanted[:, ::-1])
    with tifffile.TiffFile(path) as one, tifffile.TiffFile(target) as other:
        for name in ("resolution", "compression", "photometric", "predictor", "software"):
            assert getattr(one.pages[0], name) == getattr(other.pages[0], name)
        kinds = one.is_imagej, one.is_ome, one.is_bigtiff, one.byteorder
        assert kinds == (other.is_imagej, other.is_ome, other.is_bigtiff, other.byteorder)
        assert one.series[0].axes == other.series[0].axes


@pytest.mark.parametrize(
    "shape, how",
    [
        ((9, 7, 3), {"photometric": "rgb"}),
        ((9, 7, 4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
        ((9, 7, 2), {"photometric": "minisblack", "planarconfig": "contig"}),
        ((6, 9, 7), {}),
        ((6, 9, 7), {"compression": "zlib"}),
    ],
)
def test_tiff_of_colours_and_volumes(shape, how, tmp_path):
    wanted = numbers(shape, "f4" if len(shape) == 3 and shape[0] == 6 else "u1")
    tifffile.imwrite(tmp_path / "x.tif", wanted, **how)
    check(tmp_path / "x.tif", wanted)


def test_hdf5_keeps_everything_else(tmp_path):
    wanted = numbers((9, 7, 2), ">f4")
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        made = file.create_dataset("a/stack", data=wanted, chunks=(1, 9, 7, 2), compression="gzip")
        made.attrs["pixel_nm"] = 2.5
        file["a/weights"], file["labels"] = np.ones(3), np.arange(COUNT)
        file["a/b/other"] = numbers((4, 4), "u1")
        file.attrs["maker"] = "us"
    target = check(path, wanted, suffix=":a/stack")
    with h5py.File(target) as file:
        assert file.attrs["maker"] == "us" and file["a/stack"].attrs["pixel_nm"] == 2.5
        assert file["a/stack"].chunks == (1, 9, 7, 2) and file["a/stack"].compression == "gzip"
        assert file["labels"].shape == (COUNT,) and "a/b/other" in file and "a/weights" in file
    same_bytes(path, suffix=":a/stack")
    with pytest.raises(InputError, match=r"holds a/b/other \(5, 4, 4\) uint8, a/stack"):
        with open_stack(str(path)):
            pass
    with pytest.raises(InputError, match="x.h5:NAME"), open_stack(f"{path}:nothing"):
        pass


@pytest.mark.parametrize("dtype", ["i1", "i2", "f4", "u2", "f2"])
def test_mrc_keeps_its_pixel_size(dtype, tmp_path):
    wanted, path = numbers((9, 7), "f4").astype(dtype) // 2, tmp_path / "x.mrcs"
    with mrcfile.new(path) as file:
        file.set_data(wanted)
        file.voxel_size = 1.35
        file.add_label("ours")
    target = check(path, wanted)
    with mrcfile.open(target) as file:
        assert file.voxel_size.x == np.float32(1.35) and "ours" in file.get_labels()
        assert file.header.dmax == file.data.max()
        np.testing.assert_allclose(file.header.rms, file.data.std(dtype="f8"), rtol=1e-4)
    # The library's own check sums up in the type of the data, which overflows here.
    assert dtype == "f2" or mrcfile.validate(target)
    same_bytes(path)


def test_mrc_of_the_other_byte_order(tmp_path):
    wanted, path = numbers((9, 7), ">f4"), tmp_path / "x.mrcs"
    with mrcfile.new(path) as file:
        file.set_data(wanted)
    assert check(path, wanted).read_bytes()[212:214] == b"\x11\x11"


def test_mrc_of_volumes(tmp_path):
    wanted, path = numbers((6, 9, 7), "f4"), tmp_path / "x.mrc"
    with mrcfile.new(path) as file:
        file.set_data(wanted)
    check(path, wanted)


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
def test_nifti_keeps_its_geometry(name, tmp_path):
    stored, path = np.moveaxis(numbers((9, 7, 6), "i2"), 0, -1), tmp_path / name
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(stored, affine), path)
    target = check(path, np.moveaxis(stored, -1, 0))
    made = nibabel.load(target)
    np.testing.assert_array_equal(made.affine, affine)
    np.testing.assert_array_equal(made.dataobj, stored[:, :, :, :][::-1])
    same_bytes(path)


@pytest.mark.parametrize(
    "mode, shape, dtype, end",
    [
        ("L", (9, 7), "u1", "png"),
        ("1", (9, 7), "?", "png"),
        ("LA", (9, 7, 2), "u1", "png"),
        ("RGB", (9, 7, 3), "u1", "png"),
        ("RGBA", (7, 9, 4), "u1", "png"),
        ("I;16", (9, 7), "<u2", "png"),
        ("I;16B", (9, 7), ">u2", "tif"),
        ("F", (9, 7), "<f4", "tif"),
    ],
)
def test_a_folder_of_images(mode, shape, dtype, end, tmp_path):
    wanted, folder = numbers(shape, dtype), tmp_path / "mine"
    (folder / "inner").mkdir(parents=True)
    for n, image in enumerate(wanted):
        path = folder / ("inner" if n else ".") / f"{n}.{end}"
        size = image.shape[1::-1]
        if mode == "I;16B":
            Image.frombytes(mode, size, image.tobytes()).save(path)
        else:
            Image.fromarray(image).save(path, dpi=(300, 300))
    # In order of the paths, in which digits stand before letters.
    with_channels = wanted if wanted.ndim == 4 else wanted[..., None]
    target = check(folder, with_channels)
    with Image.open(target / "inner" / f"2.{end}") as made:
        assert made.mode == mode
        if end == "png":
            assert made.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_a_folder_of_jpeg_is_near_what_it_was(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    smooth = (np.add.outer(np.arange(24), np.arange(32)) * 4).astype("u1")
    for n in range(COUNT):
        Image.fromarray(smooth + n).save(folder / f"{n}.jpg")
    _, made, target = copied(folder)
    assert (target / "0.jpg").read_bytes().startswith(b"\xff\xd8")
    assert np.abs(made[3, :, :, 0].astype(int) - smooth[::-1] - 3).max() <= 4


def test_a_folder_of_volumes(tmp_path):
    wanted, folder = numbers((6, 9, 7), "f4"), tmp_path / "mine"
    folder.mkdir()
    for n, volume in enumerate(wanted):
        with mrcfile.new(folder / f"{n}.mrc") as file:
            file.set_data(volume)
            file.voxel_size = 2.0
    target = check(folder, wanted)
    with mrcfile.open(target / "3.mrc") as file:
        assert file.voxel_size.x == 2.0


def test_names_of_examples(tmp_path):
    np.save(tmp_path / "x.npy", numbers((9, 7), "u1"))
    with open_stack(str(tmp_path / "x.npy")) as stack:
        assert stack.key(3) == "x.npy[3]"
    (tmp_path / "f" / "b").mkdir(parents=True)
    for name in ("a.png", "b/c.png"):
        Image.fromarray(numbers((9, 7), "u1")[0]).save(tmp_path / "f" / name)
    with open_stack(str(tmp_path / "f")) as stack:
        assert [stack.key(0), stack.key(1)] == ["a.png", "b/c.png"]


def refused(text):
    with pytest.raises(InputError) as caught, open_stack(str(text)) as stack:
        stack.read(0, stack.shape[0])
    return str(caught.value)


def test_what_is_no_stack_is_refused_in_one_sentence(tmp_path):
    assert "no such file" in refused(tmp_path / "no.npy")
    (tmp_path / "x.txt").write_text("hello")
    assert "none of the known formats" in refused(tmp_path / "x.txt")
    (tmp_path / "empty").mkdir()
    assert "0 images, 0 volumes and 0 meshes" in refused(tmp_path / "empty")
    np.save(tmp_path / "flat.npy", np.zeros((9, 7)))
    assert "shape (9, 7)" in refused(tmp_path / "flat.npy")
    np.save(tmp_path / "thin.npy", np.zeros((9, 7, 3, 1)))
    assert "sides of at least 4" in refused(tmp_path / "thin.npy")
    np.save(tmp_path / "none.npy", np.zeros((0, 7, 7)))
    assert "no examples" in refused(tmp_path / "none.npy")
    np.save(tmp_path / "text.npy", np.full((3, 7, 7), "a"))
    assert "dtype" in refused(tmp_path / "text.npy")
    assert "is no HDF5 file" in refused(f"{tmp_path / 'flat.npy'}:a")


def test_a_file_cut_short_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", numbers((9, 7), "f4"))
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:-1])
    assert "ends within its 5 examples" in refused(tmp_path / "x.npy")
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"\0\0\x08\x03" + bytes(12) + bytes(9))[:-9])
    assert "x.gz" in refused(tmp_path / "x.gz")


def test_pages_that_differ_and_channels_apart_are_refused(tmp_path):
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        for side in (8, 9):
            file.write(np.zeros((side, side), "u1"))
    assert "pages that differ" in refused(tmp_path / "x.tif")
    planes = np.zeros((COUNT, 3, 9, 7), "u1")
    tifffile.imwrite(tmp_path / "y.tif", planes, photometric="rgb", planarconfig="separate")
    assert "channels apart from pixels" in refused(tmp_path / "y.tif")


@pytest.mark.parametrize("name", ["tifffile", "h5py", "mrcfile", "nibabel"])
def test_a_missing_reader_says_the_line_that_installs_it(name, tmp_path, monkeypatch):
    path = tmp_path / "x"
    beginnings = {"tifffile": b"II*\0", "h5py": b"\x89HDF\r\n\x1a\n"}
    inside = {"mrcfile": (208, b"MAP "), "nibabel": (344, b"n+1\0")}
    place, mark = inside.get(name, (0, beginnings.get(name)))
    path.write_bytes(bytes(place) + mark + bytes(400))
    monkeypatch.setitem(sys.modules, name, None)
    assert f'pip install "avae_jax[formats]" (or pip install {name})' in refused(path)


def test_a_stack_is_a_source_of_data(tmp_path):
    wanted = numbers((9, 7), ">u2")
    tifffile.imwrite(tmp_path / "x.tif", wanted, byteorder=">")
    source = open_source(f"stack:{tmp_path / 'x.tif'}")
    examples, labels = source.train.read(np.array([4, 0, 2]))
    assert source.train.count == COUNT and labels is None
    np.testing.assert_array_equal(examples[..., 0], wanted[[4, 0, 2]])


def test_pieces_cover_all_of_a_stack():
    assert list(blocks(7, 3)) == [(0, 3), (3, 6), (6, 7)]


def test_no_room_is_made_for_pages_larger_than_their_file(tmp_path):
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((COUNT, 9, 7), "u1"), compression="zlib")
    with tifffile.TiffFile(path) as file:
        place, large = file.pages[0].tags["StripByteCounts"].offset, 2**32 - 1
    whole = bytearray(path.read_bytes())
    # An entry is a tag, a type (4: unsigned of 32 bits), a count and the value.
    whole[place + 2 : place + 12] = struct.pack("<HII", 4, 1, large)
    path.write_bytes(whole)
    with (
        open_stack(str(path)) as stack,
        pytest.raises(InputError, match="4,294,967,295 bytes in a"),
    ):
        stack.read(0, COUNT)
