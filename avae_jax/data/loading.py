"""`load`: reads a source, splits it and converts it to one range and shape."""

from typing import NamedTuple

import numpy as np

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data.dataset import Dataset
from avae_jax.data.formats.axes import hint
from avae_jax.data.formats.reading import describe, require_memory
from avae_jax.data.intensity import constant_examples, finite_examples, to_float
from avae_jax.data.missing import Missing, marked, parted, require_observed
from avae_jax.data.resize import fill_value, frame_sides, reframe
from avae_jax.data.sources.base import Examples, Source
from avae_jax.data.sources.registry import open_source
from avae_jax.data.split import hold_out, limited, shuffled

LEAST_SIDE = 4


class Split(NamedTuple):
    """Examples of a source and the indices of the selected ones."""

    examples: Examples
    indices: np.ndarray  # [n], in the order in which they are used


def load(options: DataOptions, *, seed: int, source: Source | None = None) -> Dataset:
    """The examples that `options` ask for.

    The same source and seed give the same examples in the same random order, so that the
    first n are a fair sample; `limit` takes the first.

    Args:
        options: source, window, size, scale, fill, limit and test_fraction; poses come later.
        seed: of the order and of the examples held out.
        source: of arrays in memory, in place of the one that `options` name.

    Raises:
        InputError: one sentence about data that cannot be read or used.
    """
    name = f"data.source={options.source}"
    if source is None:
        source = open_source(options.source, skip_broken=options.skip_broken, axes=options.axes)
    train, test = _choose(source, options, name=name, seed=seed)
    raw_train, train_labels = train.examples.read(train.indices)
    raw_test, test_labels = test.examples.read(test.indices)
    _check_shapes(raw_train, raw_test, name=name)
    both = parted((raw_train, raw_test), options, declared=source.nodata, name=name)
    raw_train, raw_test = both.raw
    values, said = to_float(both.raw, name=name, window=options.window)
    train_values, test_values = map(marked, values, both.gone)
    skip = options.skip_broken
    train_values, train_labels, odd = _usable(
        (raw_train, train_values), train_labels, train, name=f"{name}, training", skip=skip
    )
    test_values, test_labels, also = _usable(
        (raw_test, test_values), test_labels, test, name=f"{name}, test", skip=skip
    )
    empty = _empty_note(train_values, test_values)
    fill = fill_value(options.fill, train_values)
    train_values = _framed(train_values, options, fill, source.spacing, name=name)
    test_values = _framed(test_values, options, fill, source.spacing, name=name)
    sizes = _sizes_note(train_values, test_values, fill, source.label_names)
    return Dataset(
        train=train_values,
        test=test_values,
        train_labels=train_labels,
        test_labels=test_labels,
        label_names=source.label_names,
        fill=fill,
        binary=_is_binary(train_values) and _is_binary(test_values),
        notes=(*source.notes, *filter(None, (*odd, *also, both.note)), said, empty, sizes),
        masked=both.masked,
    )


def _choose(source: Source, options: DataOptions, *, name: str, seed: int) -> tuple[Split, Split]:
    """The source's own test split, or a part of its examples held out."""
    total = source.train.count + (source.test.count if source.test else 0)
    if total < 2 or not source.train.count or (source.test and not source.test.count):
        raise InputError(f"{name}: {total} examples; at least one to train and one to test wanted")
    require_memory(f"{name}, the order of examples", (total,), 8, way_out="use a smaller source")
    if source.test is None:
        chosen = hold_out(source.train.count, fraction=options.test_fraction, seed=seed)
    else:
        chosen = (
            shuffled(source.train.count, seed=seed, stream=0),
            shuffled(source.test.count, seed=seed, stream=1),
        )
    train, test = (limited(indices, options.limit) for indices in chosen)
    return Split(source.train, train), Split(source.test or source.train, test)


def _usable(
    values: tuple[np.ndarray, np.ndarray],
    labels: np.ndarray | None,
    split: Split,
    *,
    name: str,
    skip: bool,
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Values and labels of the finite examples, and a message about the others, if any.

    Args:
        values: raw and scaled values; both are checked, because a window clips infinities.

    Raises:
        InputError: some examples are not finite and `skip` is false, or none is finite.
    """
    raw, seen = values
    sound = finite_examples(raw)
    if sound.all():
        return seen, labels, ()
    if not skip or not sound.any():
        way_out = ", or data.skip_broken=true to leave them out"
        require_observed(raw, split.indices, name=name, missing=Missing(), way_out=way_out)
    first = int(split.indices[~sound].min())
    said = f"{int((~sound).sum())} of {len(sound)} examples with NaN or infinity, the first {first}"
    kept = None if labels is None else labels[sound]
    return seen[sound], kept, (f"Left out of {name}: {said}.",)


def _check_shapes(train: np.ndarray, test: np.ndarray, *, name: str) -> None:
    shape = train.shape[1:]
    if test.shape[1:] != shape or test.dtype != train.dtype:
        raise InputError(
            f"{name}: training examples of {describe(shape)} {train.dtype} and test examples of "
            f"{describe(test.shape[1:])} {test.dtype}; the same are wanted"
        )
    if min(shape[:-1]) < LEAST_SIDE or shape[-1] < 1:
        raise InputError(
            f"{name}: examples of {describe(shape)}, channels last; sides of at least "
            f"{LEAST_SIDE} and at least one channel are wanted{hint((len(train), *shape[:-1]))}"
        )


def _framed(
    values: np.ndarray,
    options: DataOptions,
    fill: np.ndarray,
    spacing: tuple[float, ...],
    *,
    name: str,
) -> np.ndarray:
    if 0 < options.size < LEAST_SIDE:
        raise InputError(f"data.size={options.size}: 0 (keep) or at least {LEAST_SIDE} is wanted")
    sides = frame_sides(values.shape[1:-1], options.size, spacing)
    shape = (len(values), *sides, values.shape[-1])
    require_memory(name, shape, 4, way_out="lower data.size or set data.limit")
    return reframe(values, scale=options.scale, size=options.size, fill=fill, spacing=spacing)


def _is_binary(values: np.ndarray) -> bool:
    return bool(((values == 0.0) | (values == 1.0) | np.isnan(values)).all())


def _empty_note(train: np.ndarray, test: np.ndarray) -> str:
    empty = [int(constant_examples(values).sum()) for values in (train, test)]
    if not any(empty):
        return "No example is empty (constant)."
    return (
        f"Empty (constant) examples, kept: {empty[0]:,} of {len(train):,} to train and "
        f"{empty[1]:,} of {len(test):,} to test."
    )


def _sizes_note(
    train: np.ndarray, test: np.ndarray, fill: np.ndarray, label_names: tuple[str, ...]
) -> str:
    outside = ", ".join(f"{value:g}" for value in fill)
    labels = f"{len(label_names)} labels" if label_names else "no labels"
    return (
        f"{len(train):,} training and {len(test):,} test examples of {describe(train.shape[1:])} "
        f"(channels last), {labels}, {outside} outside the image."
    )
