"""Values, splits, labels, notes: what every source goes through."""

import subprocess
import sys

import numpy as np
import pytest

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load, require_unit_interval
from avae_jax.data.intensity import constant_examples, to_float


def saved(tmp_path, array, **options):
    """Options that read `array` from an npy file."""
    np.save(tmp_path / "array.npy", array)
    return DataOptions(source=f"npy:{tmp_path}/array.npy", **options)


def numbered(count, dtype=np.float32):
    """`[count, 5, 5]` images, each filled with its own number but for one pixel."""
    images = np.broadcast_to(np.arange(count)[:, None, None], (count, 5, 5)).astype(dtype)
    images[:, 2, 2] = 0
    return images


def numbers(images):
    return images[:, 0, 0, 0].astype(int)


def test_digits_are_the_default():
    dataset = load(DataOptions(), seed=0)
    assert dataset.train.shape == (1438, 8, 8, 1) and dataset.test.shape == (359, 8, 8, 1)
    assert dataset.train.dtype == dataset.test.dtype == dataset.fill.dtype == np.float32
    assert dataset.train.min() == 0.0 and dataset.train.max() == 1.0 and not dataset.binary
    assert dataset.label_names == tuple("0123456789") and dataset.train_labels.dtype == np.int32
    assert "1,438 training and 359 test examples of 8 x 8 x 1" in dataset.notes[-1]
    require_unit_interval(dataset, "bernoulli")


def test_the_same_seed_gives_the_same_split_and_another_seed_another(tmp_path):
    options = saved(tmp_path, numbered(50))
    first, again, other = (load(options, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.train, again.train)
    np.testing.assert_array_equal(first.test, again.test)
    assert (numbers(first.test) != numbers(other.test)).any()


def test_splits_share_no_example_and_lose_none(tmp_path):
    dataset = load(saved(tmp_path, numbered(50), test_fraction=0.3), seed=1)
    assert len(dataset.test) == 15
    both = np.concatenate([numbers(dataset.train), numbers(dataset.test)])
    assert sorted(both) == list(range(50)) and list(both) != list(range(50))


def test_limit_caps_each_split_with_the_first_of_the_same_order(tmp_path):
    whole = load(saved(tmp_path, numbered(50)), seed=1)
    part = load(saved(tmp_path, numbered(50), limit=6), seed=1)
    np.testing.assert_array_equal(part.train, whole.train[:6])
    np.testing.assert_array_equal(part.test, whole.test[:6])


@pytest.mark.parametrize("fraction", [0.01, 0.9])
def test_either_split_has_at_least_one_example(tmp_path, fraction):
    dataset = load(saved(tmp_path, numbered(2), test_fraction=fraction), seed=0)
    assert len(dataset.train) == len(dataset.test) == 1


@pytest.mark.parametrize(
    ("dtype", "top"),
    [(np.uint8, 255), (np.uint16, 65535), (np.int16, 32767), (np.int32, 2**31 - 1)],
)
def test_integers_are_divided_by_the_range_of_their_type(dtype, top):
    (values,), said = to_float([np.array([0, 2, top], dtype)], name="x")
    np.testing.assert_allclose(values, [0.0, 2 / top, 1.0], rtol=1e-6)
    assert values.dtype == np.float32 and f"divided by {top}." in said


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, ">i2"])
def test_integers_up_to_one_are_binary(tmp_path, dtype):
    images = (np.random.default_rng(0).random((10, 6, 6)) < 0.5).astype(dtype)
    dataset = load(saved(tmp_path, images), seed=0)
    assert dataset.binary and set(np.unique(dataset.train)) == {0.0, 1.0}
    assert any("binary" in note for note in dataset.notes)


def test_resampled_binary_images_are_binary_no_more(tmp_path):
    images = (np.random.default_rng(0).random((10, 6, 6)) < 0.5).astype(np.uint8)
    assert not load(saved(tmp_path, images, scale=0.7), seed=0).binary


def test_bytes_kept_in_a_wide_type_are_pointed_out():
    _, said = to_float([np.array([0, 255])], name="x")
    assert "The largest is only 255" in said


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_floats_are_taken_as_they_are(tmp_path, dtype):
    images = np.random.default_rng(0).normal(size=(10, 6, 6)).astype(dtype)
    dataset = load(saved(tmp_path, images), seed=0)
    both = np.concatenate([dataset.train, dataset.test])
    np.testing.assert_array_equal(np.sort(both.ravel()), np.sort(images.ravel().astype(np.float32)))


def test_a_bernoulli_likelihood_wants_the_unit_interval(tmp_path):
    dataset = load(saved(tmp_path, numbered(5) - 1.5), seed=0)
    require_unit_interval(dataset, "gaussian")
    with pytest.raises(InputError, match=r"values from -1.5 to 2.5: .*\[0, 1\]"):
        require_unit_interval(dataset, "bernoulli")


def test_the_fill_counts_for_the_unit_interval():
    with pytest.raises(InputError, match="values from -2 to 1"):
        require_unit_interval(load(DataOptions(fill=-2.0), seed=0), "bernoulli")


def test_empty_examples_are_kept_and_counted(tmp_path):
    images = numbered(10, np.uint8)
    images[[3, 7]] = 9
    dataset = load(saved(tmp_path, images), seed=0)
    # Number 0 is constant as well.
    assert len(dataset.train) + len(dataset.test) == 10
    total = sum(constant_examples(x).sum() for x in (dataset.train, dataset.test))
    assert total == 3 and any("Empty (constant) examples, kept:" in n for n in dataset.notes)


def test_a_uniform_colour_is_empty():
    red = np.zeros((2, 4, 4, 3), np.float32)
    red[..., 0] = 1.0
    red[1, 0, 0, 0] = 0.5
    np.testing.assert_array_equal(constant_examples(red), [True, False])


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
        (np.zeros((0, 5, 5)), "0 examples"),
    ],
)
def test_arrays_that_cannot_be_used_are_one_sentence(tmp_path, array, words):
    with pytest.raises(InputError, match=words) as caught:
        load(saved(tmp_path, array), seed=0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_the_first_example_that_is_not_finite_is_named(tmp_path, bad):
    images = np.zeros((40, 5, 5))
    images[[17, 31], 1, 1] = bad
    with pytest.raises(InputError, match=r"example (17|31) .*finite"):
        load(saved(tmp_path, images), seed=0)
    images[31] = 0.0
    with pytest.raises(InputError, match=r"example 17 holds (NaN or infinity|1e\+300, too large)"):
        load(saved(tmp_path, images), seed=0)


@pytest.mark.parametrize(
    "source",
    [
        "digit",
        "",
        "digits:",
        "solids:3",
        "idx:",
        "npz:",
        "npy",
        "folder:",
        "tfds:",
        "http://x",
        ":",
    ],
)
def test_an_unknown_source_lists_the_known_ones(source):
    with pytest.raises(InputError, match="digits, solids, idx:DIR, npz:PATH"):
        load(DataOptions(source=source), seed=0)


@pytest.mark.parametrize("kind", ["idx", "npz", "npy", "folder"])
def test_a_missing_path_is_named(tmp_path, kind):
    with pytest.raises(InputError, match="nothing_here.*no such"):
        load(DataOptions(source=f"{kind}:{tmp_path}/nothing_here"), seed=0)


def test_a_frame_too_large_for_memory_is_refused(tmp_path):
    with pytest.raises(InputError, match="GiB.*lower data.size"):
        load(saved(tmp_path, np.zeros((4, 5, 5, 5)), size=4000), seed=0)


def test_a_window_of_values_becomes_0_to_1():
    raw = np.array([-9, 0, 50, 100, 999], np.int16)
    (values,), said = to_float([raw], name="x", window=(0.0, 100.0))
    np.testing.assert_array_equal(values, np.float32([0, 0, 0.5, 1, 1]))
    assert said == "Values: 0 to 100 become 0 to 1."
    (values,), _ = to_float([np.float64([10, 15, 21])], name="x", window=(10.0, 20.0))
    np.testing.assert_array_equal(values, np.float32([0, 0.5, 1]))
    with pytest.raises(InputError, match="data.window=-9,999"):
        to_float([raw], name="x")


def test_importing_the_data_layer_is_light():
    code = (
        "import sys, avae_jax.data\n"
        "slow = {'tensorflow', 'tensorflow_datasets', 'sklearn', 'matplotlib', 'jax'}\n"
        "heavy = slow & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
