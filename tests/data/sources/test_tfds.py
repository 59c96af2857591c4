"""`tfds:NAME`, on data sets that the test prepares on disk, without TensorFlow."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    pytest.importorskip("array_record", reason="array_record is not installed")
    folder = tmp_path_factory.mktemp("tfds")
    done = subprocess.run(
        [sys.executable, "-c", PREPARE, folder], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return folder


# In a process of its own: what it defines must not be known to the reader.
PREPARE = """
import io, sys
import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

def png(value):
    stream = io.BytesIO()
    Image.fromarray(np.arange(48, dtype=np.uint8).reshape(6, 8) + value).save(stream, "PNG")
    stream.seek(0)
    return stream

class Tiny(tfds.core.GeneratorBasedBuilder):
    VERSION = tfds.core.Version("1.0.0")
    SPLITS = {"train": 12, "test": 5}

    def _features(self):
        return {"image": tfds.features.Image(shape=(6, 8, 1)),
                "label": tfds.features.ClassLabel(names=["even", "odd"])}

    def _info(self):
        features = tfds.features.FeaturesDict(self._features())
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, manager):
        return {name: self._generate_examples(n) for name, n in self.SPLITS.items()}

    def _generate_examples(self, count):
        for i in range(count):
            yield i, {"image": png(i), "label": i % 2}

class Volumes(Tiny):
    SPLITS = {"everything": 10}

    def _features(self):
        return {"density": tfds.features.Tensor(shape=(5, 6, 7), dtype=np.float32)}

    def _generate_examples(self, count):
        for i in range(count):
            yield i, {"density": np.full((5, 6, 7), i / 10, np.float32)}

class Unlabelled(Tiny):
    def _generate_examples(self, count):
        for i in range(count):
            yield i, {"image": png(i), "label": i % 2 if count == 12 else -1}

class Sizes(Tiny):
    def _features(self):
        return {"image": tfds.features.Image(shape=(None, None, 1))}

    def _generate_examples(self, count):
        for i in range(count):
            stream = io.BytesIO()
            Image.fromarray(np.zeros((6, 6 + i % 2), np.uint8)).save(stream, "PNG")
            stream.seek(0)
            yield i, {"image": stream}

class Words(Tiny):
    def _features(self):
        return {"length": tfds.features.Scalar(dtype=np.int64)}

    def _generate_examples(self, count):
        for i in range(count):
            yield i, {"length": i}

for kind in (Tiny, Volumes, Unlabelled, Sizes, Words):
    kind(data_dir=sys.argv[1], file_format="array_record").download_and_prepare()
"""


@pytest.fixture
def loaded(monkeypatch, prepared):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    return lambda name, **options: load(DataOptions(source=f"tfds:{name}", **options), seed=0)


@pytest.mark.standard
def test_tfds_images_and_labels_of_both_splits(loaded):
    dataset = loaded("tiny")
    assert dataset.train.shape == (12, 6, 8, 1) and dataset.test.shape == (5, 6, 8, 1)
    first = np.round(dataset.train[:, 0, 0, 0] * 255).astype(int)
    assert sorted(first) == list(range(12))
    np.testing.assert_array_equal(dataset.train_labels, first % 2)
    assert dataset.label_names == ("even", "odd")
    assert "tiny/1.0.0" in dataset.notes[0] and "train and test" in dataset.notes[0]


@pytest.mark.standard
def test_tfds_limit_takes_the_first_of_the_same_order(loaded):
    whole, part = loaded("tiny"), loaded("tiny:1.0.0", limit=3)
    np.testing.assert_array_equal(part.train, whole.train[:3])
    np.testing.assert_array_equal(part.test_labels, whole.test_labels[:3])


def test_tfds_volumes_of_one_split_are_split(loaded):
    dataset = loaded("volumes")
    assert dataset.train.shape == (8, 5, 6, 7, 1) and dataset.test.shape == (2, 5, 6, 7, 1)
    assert dataset.train_labels is None and "everything" in dataset.notes[0]


def test_tfds_split_without_public_labels(loaded):
    """A split without public labels has none."""
    dataset = loaded("unlabelled")
    assert dataset.train_labels is not None and dataset.test_labels is None


def test_tfds_images_of_several_sizes_refused(loaded):
    with pytest.raises(InputError, match="images of one size are wanted"):
        loaded("sizes")


def test_tfds_without_images_says_what_it_holds(loaded):
    """A data set without images says what it holds."""
    with pytest.raises(InputError, match="features length; exactly one image"):
        loaded("words")


def test_prepared_builder_unknown_name_refused(loaded):
    """An unknown name is one sentence."""
    with pytest.raises(InputError, match="tfds:mnits: tensorflow-datasets knows no such name") as e:
        loaded("mnits")
    assert "\n" not in str(e.value)


@pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow is installed"
)
def test_prepared_builder_says_what_to_do(loaded):
    with pytest.raises(InputError, match="not prepared under .*needs TensorFlow.*not installed"):
        loaded("mnist")


def test_tfds_damaged_file_refused(loaded, prepared, tmp_path, monkeypatch):
    """A damaged file is one sentence."""
    for path in (prepared / "tiny" / "1.0.0").iterdir():
        (tmp_path / "tiny" / "1.0.0").mkdir(parents=True, exist_ok=True)
        content = path.read_bytes()
        cut = content[:100] if "array_record-" in path.name else content
        (tmp_path / "tiny" / "1.0.0" / path.name).write_bytes(cut)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(InputError, match="tfds:tiny") as caught:
        loaded("tiny")
    assert "\n" not in str(caught.value)
