"""`npz:PATH` and `npy:PATH`, arrays of files."""

import io
import zipfile

import numpy as np
import pytest

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.sources.registry import open_source

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 6, 7), np.uint8)


def from_npz(tmp_path, **arrays):
    np.savez_compressed(tmp_path / "file.npz", **arrays)
    return load(DataOptions(source=f"npz:{tmp_path}/file.npz"), seed=0)


def from_npy(tmp_path, array):
    np.save(tmp_path / "file.npy", array)
    return load(DataOptions(source=f"npy:{tmp_path}/file.npy"), seed=0)


def header_of(shape, *, body=b"\0" * 64):
    """An npy file that announces `shape` of float64 and holds only `body`."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    return stream.getvalue() + body


@pytest.mark.parametrize(
    ("shape", "wanted", "words"),
    [
        ((9, 5, 6), (5, 6, 1), "images of one channel"),
        ((9, 5, 6, 1), (5, 6, 1), "images, the last axis as channels"),
        ((9, 5, 6, 4), (5, 6, 4), "images, the last axis as channels"),
        ((9, 5, 6, 7), (5, 6, 7, 1), "volumes of one channel"),
        ((9, 5, 6, 7, 2), (5, 6, 7, 2), "volumes, the last axis as channels"),
        ((9, 5, 6, 4, 9), (5, 6, 4, 9), "volumes, the last axis as channels"),
    ],
)
@pytest.mark.parametrize("read", [from_npz, from_npy])
def test_arrays_rank_says_spatial_axes(tmp_path, read, shape, wanted, words):
    """The rank says which axes are spatial."""
    array = np.random.default_rng(0).random(shape)
    dataset = read(tmp_path, array) if read is from_npy else read(tmp_path, anything=array)
    assert dataset.train.shape == (7, *wanted) and words in " ".join(dataset.notes)
    assert dataset.train_labels is None and dataset.test_labels is None
    assert dataset.label_names == ()


def test_arrays_values_in_their_place(tmp_path):
    """Values arrive where they were."""
    images = np.zeros((10, 4, 5), np.uint8)
    images[:, 1, 3] = 255
    dataset = from_npz(tmp_path, images=np.asfortranarray(images))
    assert (dataset.train[:, 1, 3, 0] == 1.0).all() and dataset.train.sum() == 8


def test_arrays_labels_stay_with_images(tmp_path):
    """Labels stay with their images."""
    images = IMAGES.copy()
    labels = np.arange(12) % 3 * 10 - 10
    images[:, 0, 0] = labels + 50
    dataset = from_npz(tmp_path, images=images, labels=labels)
    assert dataset.label_names == ("-10", "0", "10")
    for values, found in (
        (dataset.train, dataset.train_labels),
        (dataset.test, dataset.test_labels),
    ):
        assert found.dtype == np.int32
        np.testing.assert_array_equal(found, np.round(values[:, 0, 0, 0] * 255 - 40) // 10)


@pytest.mark.parametrize("name", ["images", "volumes"])
def test_arrays_named_one_is_read(tmp_path, name):
    """Of several arrays the named one is read."""
    dataset = from_npz(tmp_path, other=np.zeros((3, 8, 8)), **{name: IMAGES})
    assert dataset.train.shape[1:] == (6, 7, 1)


def test_arrays_of_low_rank_ignored(tmp_path):
    """Arrays of low rank are no rivals."""
    dataset = from_npz(tmp_path, voxels=IMAGES, mean=np.zeros((6, 7)), names=np.array(["a"]))
    assert dataset.train.shape[1:] == (6, 7, 1)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"a": IMAGES, "b": IMAGES}, r"holds a \(12, 6, 7\) uint8, b .*named images or volumes"),
        ({"images": IMAGES, "volumes": IMAGES}, "exactly one array of rank 3"),
        ({"images": np.zeros((4, 5))}, "exactly one array of rank 3"),
        ({}, "holds nothing"),
        ({"images": IMAGES.astype(object)}, "pickled objects are not read"),
        ({"images": IMAGES.astype("U4")}, "dtype <U4"),
        ({"images": np.zeros((4, 5, 5), [("a", "f4")])}, "dtype"),
        ({"images": IMAGES, "labels": np.arange(11)}, r"shape \(11,\) for 12 examples"),
        ({"images": IMAGES, "labels": np.zeros((12, 2), int)}, "one for each"),
        ({"images": IMAGES, "labels": np.zeros(12)}, "labels of dtype float64; integers"),
        ({"images": IMAGES, "labels": np.array([b"a"] * 12)}, "labels of dtype .S1"),
    ],
)
def test_npz_unusable_refused(tmp_path, arrays, words):
    """Archives that cannot be used are one sentence."""
    with pytest.raises(InputError, match=words) as caught:
        from_npz(tmp_path, **arrays)
    assert "file.npz" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["npz", "npy"])
@pytest.mark.parametrize(
    "content", [b"", b"not an array", b"PK\3\4", b"\x93NUMPY", b"\x93NUMPY\1\0"]
)
def test_arrays_other_files_refused(tmp_path, kind, content):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError, match="file: .*"):
        load(DataOptions(source=f"{kind}:{tmp_path}/file"), seed=0)


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_arrays_folder_refused(tmp_path, kind):
    """A folder is no array."""
    with pytest.raises(InputError, match="wanted"):
        load(DataOptions(source=f"{kind}:{tmp_path}"), seed=0)


def test_arrays_pickle_not_opened(tmp_path):
    np.save(tmp_path / "file.npy", np.array([{}, {}]), allow_pickle=True)
    with pytest.raises(InputError, match="file.npy"):
        load(DataOptions(source=f"npy:{tmp_path}/file.npy"), seed=0)


def test_arrays_read_by_contents(tmp_path):
    """The word before the colon does not matter: a file is recognised by its contents."""
    np.savez(tmp_path / "file.npz", a=IMAGES, labels=np.arange(12) % 2)
    wanted, found = (open_source(f"{kind}:{tmp_path}/file.npz") for kind in ("npz", "npy"))
    np.testing.assert_array_equal(*(one.train.read(np.arange(12))[0] for one in (wanted, found)))
    assert wanted.label_names == found.label_names == ("0", "1")


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_arrays_truncated_refused(tmp_path, kind):
    """A truncated file is one sentence."""
    np.save(tmp_path / "whole.npy", IMAGES)
    np.savez_compressed(tmp_path / "whole.npz", images=IMAGES, labels=np.zeros(12, int))
    whole = (tmp_path / f"whole.{kind}").read_bytes()
    for length in range(0, len(whole), 13):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(InputError) as caught:
            load(DataOptions(source=f"{kind}:{tmp_path}/cut"), seed=0)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_arrays_damaged_refused_or_read(tmp_path, kind):
    """A damaged file is one sentence or numbers."""
    np.save(tmp_path / "whole.npy", IMAGES)
    np.savez_compressed(tmp_path / "whole.npz", images=IMAGES)
    whole = (tmp_path / f"whole.{kind}").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(whole)
        damaged[rng.integers(min(len(whole), 300))] = rng.integers(256)
        (tmp_path / "damaged").write_bytes(damaged)
        try:
            load(DataOptions(source=f"{kind}:{tmp_path}/damaged"), seed=0)
        except InputError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((10**6, 10**3, 10**3), "announces 8,000,000,000,000 bytes"),
        ((100, 9, 9), "does not hold as many bytes as its header says"),
        ((1, 2, 2), "does not hold as many bytes"),
    ],
)
def test_npz_false_size_not_unpacked(tmp_path, shape, words):
    """An archive that lies about its size is not unpacked."""
    with zipfile.ZipFile(tmp_path / "file.npz", "w") as archive:
        archive.writestr("images.npy", header_of(shape))
    with pytest.raises(InputError, match=words):
        load(DataOptions(source=f"npz:{tmp_path}/file.npz"), seed=0)


def test_npy_larger_than_its_file_refused(tmp_path):
    """An array larger than its file is refused."""
    (tmp_path / "file.npy").write_bytes(header_of((10**6, 10**3, 10**3)))
    with pytest.raises(InputError, match="announces 8,000,000,000,000 bytes"):
        load(DataOptions(source=f"npy:{tmp_path}/file.npy"), seed=0)


@pytest.mark.full
def test_npz_chairs_binary_and_one_empty(avae_data):
    path = avae_data / "modelnet10" / "chair_32.npz"
    dataset = load(DataOptions(source=f"npz:{path}", scale=1 / 1.35), seed=0)
    assert dataset.train.shape == (712, 32, 32, 32, 1) and dataset.test.shape[0] == 178
    assert any("binary" in note for note in dataset.notes) and dataset.fill == 0.0
    assert any("Empty (constant) examples, kept: 1 of 712" in note for note in dataset.notes)
    ticks = np.arange(32) - 15.5
    away = np.sqrt(sum(grid**2 for grid in np.meshgrid(ticks, ticks, ticks)))
    outside = dataset.train[:, away > 16.0].sum() / dataset.train.sum()
    assert outside < 0.005
