"""`tfds:NAME`: data sets prepared by tensorflow-datasets."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from avae_jax.core.errors import InputError
from avae_jax.data.formats.npy_header import with_channels
from avae_jax.data.formats.reading import describe, reading, require_memory
from avae_jax.data.sources.base import Examples, Source
from avae_jax.data.sources.tfds_builder import prepared_builder, require_tensorflow

TEST_SPLITS = ("test", "validation")
RANDOM_ACCESS = ("array_record", "parquet")


class Features(NamedTuple):
    """Names of the features that are read, and of the classes of the label."""

    image: str
    label: str | None
    classes: tuple[str, ...]


def read_prepared(name: str) -> Source:
    """A data set of tensorflow-datasets.

    Files in array_record format are read without TensorFlow, only the requested examples;
    other formats need TensorFlow and one pass over the split.

    Raises:
        InputError: gives a remedy if the data set cannot be read, and its features if none is
            an image or a volume.
    """
    builder = prepared_builder(name)
    features = _features(builder, name)
    if not _random_access(builder):
        require_tensorflow(name, "reading its files, which are not in array_record format,")
    splits = list(builder.info.splits)
    train = "train" if "train" in splits else splits[0]
    test = next((split for split in TEST_SPLITS if split in splits and split != train), None)
    note = (
        f"tensorflow-datasets {builder.info.full_name}, feature {features.image}, split {train}"
        + (f" and {test}." if test else ".")
    )
    return Source(
        _examples(builder, train, features, name=name),
        _examples(builder, test, features, name=name) if test else None,
        features.classes,
        (note,),
    )


def _examples(builder: Any, split: str, features: Features, *, name: str) -> Examples:
    def read(indices: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        with reading(f"tfds:{name}, split {split}", "prepared data set"):
            return _read(builder, split, indices, features, name=f"tfds:{name}")

    return Examples(builder.info.splits[split].num_examples, read)


def _read(
    builder: Any, split: str, indices: np.ndarray, features: Features, *, name: str
) -> tuple[np.ndarray, np.ndarray | None]:
    images, found = None, 0
    labels = np.full(len(indices), -1, np.int32)
    for place, example in _visit(builder, split, indices):
        image = np.asarray(example[features.image])
        if images is None:
            shape = (len(indices), *image.shape)
            require_memory(name, shape, 4, way_out="set data.limit to read fewer")
            images = np.empty(shape, image.dtype)
        if image.shape != images.shape[1:]:
            raise InputError(
                f"{name}: example {indices[place]} of split {split} is {describe(image.shape)}, "
                f"another is {describe(images.shape[1:])}; images of one size are wanted"
            )
        images[place] = image
        labels[place] = example[features.label] if features.label else -1
        found += 1
    if images is None or found < len(indices):
        raise InputError(f"{name}: split {split} ends before its {max(indices) + 1} examples")
    # Test splits without public labels mark them with -1.
    known = 0 <= labels.min() and labels.max() < len(features.classes)
    return with_channels(images, name=name)[0], labels if known else None


def _visit(builder: Any, split: str, indices: np.ndarray) -> Iterator[tuple[int, dict]]:
    """Every requested example, with its position in `indices`."""
    if _random_access(builder):
        examples = builder.as_data_source(split=split)
        for place, index in enumerate(indices):
            yield place, examples[int(index)]
        return
    places = {int(index): place for place, index in enumerate(indices)}
    examples = builder.as_dataset(split=split, shuffle_files=False).as_numpy_iterator()
    for index, example in enumerate(examples):
        if index in places:
            yield places[index], example


def _random_access(builder: Any) -> bool:
    return any(kind.value in RANDOM_ACCESS for kind in builder.info.available_file_formats())


def _features(builder: Any, name: str) -> Features:
    """The supervised image and label if the data set names them, else detected ones."""
    features = builder.info.features
    keys = list(features.keys()) if hasattr(features, "keys") else []
    pictures = [key for key in keys if _is_picture(features[key])]
    image_key, label_key = (builder.info.supervised_keys or (None, None))[:2]
    preferred = [key for key in (image_key, "image") if key in pictures]
    if not preferred and len(pictures) != 1:
        raise InputError(
            f"tfds:{name}: holds the features {', '.join(keys) or 'of one tensor'}; exactly one "
            "image or volume of numbers is wanted, or one named image"
        )
    image = str((preferred + pictures)[0])
    for key in (label_key, "label"):
        if key in keys and getattr(features[key], "num_classes", None):
            return Features(image, key, tuple(features[key].names))
    return Features(image, None, ())


def _is_picture(feature: Any) -> bool:
    shape, dtype = getattr(feature, "shape", None), getattr(feature, "np_dtype", None)
    return isinstance(shape, tuple) and 2 <= len(shape) <= 4 and np.dtype(dtype).kind in "biuf"
