"""Values, splits, labels, notes: what every source goes through."""

import subprocess
import sys

import numpy as np
import pytest

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.intensity import constant_examples
from tests.support.array_files import numbered, saved


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, ">i2"])
def test_load_integers_up_to_one_are_binary(tmp_path, dtype):
    images = (np.random.default_rng(0).random((10, 6, 6)) < 0.5).astype(dtype)
    dataset = load(saved(tmp_path, images), seed=0)
    assert dataset.binary and set(np.unique(dataset.train)) == {0.0, 1.0}
    assert any("binary" in note for note in dataset.notes)


def test_load_resampled_binary_is_binary_no_more(tmp_path):
    """Resampled binary images are binary no more."""
    images = (np.random.default_rng(0).random((10, 6, 6)) < 0.5).astype(np.uint8)
    assert not load(saved(tmp_path, images, scale=0.7), seed=0).binary


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_load_floats_as_they_are(tmp_path, dtype):
    """Floats are taken as they are."""
    images = np.random.default_rng(0).normal(size=(10, 6, 6)).astype(dtype)
    dataset = load(saved(tmp_path, images), seed=0)
    both = np.concatenate([dataset.train, dataset.test])
    np.testing.assert_array_equal(np.sort(both.ravel()), np.sort(images.ravel().astype(np.float32)))


def test_load_keeps_and_counts_empty_examples(tmp_path):
    """Empty examples are kept and counted."""
    images = numbered(10, np.uint8)
    images[[3, 7]] = 9
    dataset = load(saved(tmp_path, images), seed=0)
    # Number 0 is constant as well.
    assert len(dataset.train) + len(dataset.test) == 10
    total = sum(constant_examples(x).sum() for x in (dataset.train, dataset.test))
    assert total == 3 and any("Empty (constant) examples, kept:" in n for n in dataset.notes)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.full((4, 5, 5), -1, np.int8), "negative int8"),
        (np.zeros((4, 5, 5), complex), "dtype complex128"),
        (np.zeros((4, 5, 5), "U3"), "dtype <U3"),
        (np.zeros((4, 5, 5), "M8[s]"), "dtype datetime64"),
        (np.zeros((4, 5, 5), [("a", "f4")]), "dtype"),
        (np.zeros((4, 5)), r"shape \(4, 5\)"),
        (np.zeros((4, 5, 5, 5, 5, 5)), "shape"),
        (np.zeros(()), "shape"),
        (np.zeros((4, 3, 9)), "3 x 9 x 1.*at least 4"),
        (np.zeros((4, 9, 9, 3, 1)), "at least 4"),
        (np.zeros((4, 9, 9, 9, 0)), "at least one channel"),
        (np.zeros((1, 5, 5)), "1 examples; at least one to train and one to test"),
        (np.zeros((0, 5, 5)), "no examples in it"),
    ],
)
def test_load_unusable_arrays_refused(tmp_path, array, words):
    """Arrays that cannot be used are one sentence."""
    with pytest.raises(InputError, match=words) as caught:
        load(saved(tmp_path, array), seed=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_load_first_not_finite_named(tmp_path, bad):
    """The first example that is not finite is named."""
    images = np.zeros((40, 5, 5))
    images[[17, 31], 1, 1] = bad
    with pytest.raises(InputError, match=r"example (17|31) .*finite"):
        load(saved(tmp_path, images), seed=0)
    images[31] = 0.0
    with pytest.raises(InputError, match=r"example 17 holds (NaN or infinity|1e\+300, too large)"):
        load(saved(tmp_path, images), seed=0)


def test_load_frame_too_large_refused(tmp_path):
    """A frame too large for memory is refused."""
    with pytest.raises(InputError, match="GiB.*lower data.size"):
        load(saved(tmp_path, np.zeros((4, 5, 5, 5)), size=4000), seed=0)


@pytest.mark.standard
def test_import_data_is_light():
    """Importing the data layer is light."""
    code = (
        "import sys, avae_jax.data\n"
        "slow = {'tensorflow', 'tensorflow_datasets', 'sklearn', 'matplotlib', 'jax'}\n"
        "heavy = slow & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_load_leaves_out_nan_if_asked(tmp_path):
    """Examples with nan are left out if asked."""
    array = np.random.default_rng(0).random((20, 8, 8)).astype(np.float32)
    array[[4, 11], 2, 3] = np.nan, np.inf
    np.savez(tmp_path / "x.npz", images=array, labels=np.arange(20))
    source = f"npz:{tmp_path / 'x.npz'}"
    with pytest.raises(InputError, match="example (4|11) holds NaN or infinity.*skip_broken=true"):
        load(DataOptions(source=source), seed=0)
    dataset = load(DataOptions(source=source, skip_broken=True), seed=0)
    labels = np.concatenate([dataset.train_labels, dataset.test_labels])
    assert set(labels) == set(range(20)) - {4, 11}
    values = np.concatenate([dataset.train, dataset.test])
    np.testing.assert_array_equal(values[..., 0], array[labels])
    assert sum("with NaN or infinity" in note for note in dataset.notes) in (1, 2)
