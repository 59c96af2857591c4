"""`idx:DIR`."""

import gzip
import struct

import numpy as np
import pytest

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.formats.idx import read_idx

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def encoded(array):
    """The bytes of an IDX file."""
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def written(folder, *, packed=False, train=20, test=8, **replaced):
    """A folder with the four files; `replaced` arrays take the place of the made ones."""
    rng = np.random.default_rng(0)
    arrays = {
        "train-images-idx3-ubyte": rng.integers(0, 256, (train, 6, 5), np.uint8),
        "train-labels-idx1-ubyte": np.arange(train, dtype=np.uint8) % 4,
        "t10k-images-idx3-ubyte": rng.integers(0, 256, (test, 6, 5), np.uint8),
        "t10k-labels-idx1-ubyte": np.arange(test, dtype=np.uint8) % 5,
    }
    for name in arrays:
        arrays[name] = replaced.get(name.split("-idx")[0].replace("-", "_"), arrays[name])
        content = encoded(arrays[name])
        path = folder / (name + ".gz" * packed)
        path.write_bytes(gzip.compress(content) if packed else content)
    return arrays


def loaded(folder, **options):
    return load(DataOptions(source=f"idx:{folder}", **options), seed=0)


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_keep_their_split(tmp_path, packed):
    """The four files keep their own split."""
    arrays = written(tmp_path, packed=packed)
    dataset = loaded(tmp_path)
    assert dataset.train.shape == (20, 6, 5, 1) and dataset.test.shape == (8, 6, 5, 1)
    assert dataset.label_names == tuple("01234")
    for split, values, labels in (
        ("train", dataset.train, dataset.train_labels),
        ("t10k", dataset.test, dataset.test_labels),
    ):
        wanted = arrays[f"{split}-images-idx3-ubyte"]
        bytes_found = np.round(values[..., 0] * 255).astype(np.uint8)
        for image, label in zip(bytes_found, labels, strict=True):
            (place,) = np.flatnonzero((wanted == image).all(axis=(1, 2)))
            assert label == arrays[f"{split}-labels-idx1-ubyte"][place]


def test_idx_unpacked_with_gz_name(tmp_path):
    """An unpacked file may keep its gz name."""
    written(tmp_path, packed=True)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.decompress(path.read_bytes()))
    assert loaded(tmp_path, limit=5).train.shape == (5, 6, 5, 1)


@pytest.mark.parametrize("dtype", list(CODES))
def test_read_idx_every_type_of_number(tmp_path, dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    (tmp_path / "file").write_bytes(encoded(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), array)


@pytest.mark.parametrize("name", ["train-labels-idx1-ubyte", "t10k-images-idx3-ubyte"])
def test_idx_missing_file_named(tmp_path, name):
    written(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=f"no {name} and no {name}.gz"):
        loaded(tmp_path)


@pytest.mark.parametrize(
    ("replaced", "words"),
    [
        ({"train_labels": np.zeros(19, np.uint8)}, r"shape \(19,\) for 20 examples"),
        ({"t10k_labels": np.zeros(8, np.float32)}, "labels of dtype .*integers"),
        ({"t10k_images": np.zeros((8, 6, 6), np.uint8)}, "test examples of 6 x 6 x 1"),
        ({"t10k_images": np.zeros((8, 6, 5), np.int16)}, "test examples of .*i2|int16"),
        ({"train_images": np.zeros((20, 30), np.uint8)}, r"shape \(20, 30\)"),
        ({"train_images": np.zeros((20, 3, 5), np.uint8)}, "at least 4|same"),
    ],
)
def test_idx_files_that_do_not_match_refused(tmp_path, replaced, words):
    """Files that do not match are one sentence."""
    written(tmp_path, **replaced)
    with pytest.raises(InputError, match=words):
        loaded(tmp_path)


def test_idx_empty_split_refused(tmp_path):
    """A split without examples is refused."""
    written(tmp_path, test=0)
    with pytest.raises(InputError, match="t10k-images.*no examples in it"):
        loaded(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_idx_truncated_refused(tmp_path, packed):
    """A truncated file is one sentence."""
    written(tmp_path, packed=packed)
    path = tmp_path / ("train-images-idx3-ubyte" + ".gz" * packed)
    whole = path.read_bytes()
    for length in [*range(0, 40), *range(40, len(whole), 31), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="train-images") as caught:
            loaded(tmp_path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\0\x08\3" + struct.pack(">3I", 2**31, 2**31, 4), "would take .* GiB"),
        (b"\0\0\x08\3" + struct.pack(">3I", 1, 2, 2) + b"12345", "more bytes than the 4"),
        (b"\0\0\x07\1\0\0\0\1\0", "begins with"),
        (b"\x89PNG", "begins with"),
    ],
)
def test_read_idx_another_file_refused(tmp_path, content, words):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_idx(tmp_path / "file")


def test_idx_mnist_padded_to_forty(avae_data):
    dataset = loaded(avae_data / "mnist", size=40, limit=2000)
    assert dataset.train.shape == dataset.test.shape == (2000, 40, 40, 1)
    inner = dataset.train[:, 6:34, 6:34]
    assert np.count_nonzero(inner) == np.count_nonzero(dataset.train) > 0
    assert dataset.label_names == tuple("0123456789") and dataset.fill == 0.0
    assert np.bincount(dataset.test_labels[:500]).min() > 25
