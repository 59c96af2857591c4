"""Options that suit a stack, chosen from its values, sizes and number of examples."""

import dataclasses
import math

import numpy as np

from avae_jax.config.options import DataOptions, Options, TrainOptions
from avae_jax.core.errors import InputError
from avae_jax.data.formats import Stack
from avae_jax.data.intensity import ends
from avae_jax.data.missing import ends_of, hidden, missing_of, require_observed
from avae_jax.data.precision import told_apart
from avae_jax.data.resize import frame_sides

# Longest side that a model sees, by dimension: larger examples are shrunk to it.
MOST = {2: 48, 3: 16}
# A volume costs as much as many images: updates of a run where nothing else is asked for.
VOLUMES = {"steps": 600, "batch_size": 64, "warmup": 10}
# Registered poses of one kind of object are right but for some degrees, which more such updates
# would teach by heart (docs/decisions/0022-synchronised-start.md).
SYNCHRONISED = 100
# Updates enough for a small stack of images, and visits of each example that ask for more.
ENOUGH, VISITS = 1000, 20
# Examples looked at for the range of values, and bytes of them at most.
SAMPLED, SAMPLE = 256, 2**26
WITHIN = (0.1, 99.9)  # a window begins and ends at these percentiles
DIM = 0.25  # values that span less of their range want a window
TRAINED_ON = 2**31  # bytes of raw examples, and of what the model sees of them


def suited(
    options: Options, stack: Stack, *, untouched: frozenset[str]
) -> tuple[Options, list[str]]:
    """`options` made to suit `stack`, and sentences that say what was chosen.

    Args:
      untouched: names of the fields that nobody has set; only these are chosen.

    Raises:
      InputError: there is nothing to train on.
    """
    data, notes = options.data, []
    source = stack.source or f"stack:{stack.path.resolve()}{_choice(stack)}"
    data = dataclasses.replace(data, source=source)
    for choose in (_window, _frame, _limit):
        chosen, said = choose(data, stack)
        if chosen and set(chosen) <= {name.removeprefix("data.") for name in untouched}:
            data = dataclasses.replace(data, **chosen)
            notes.append(said)
    train = _training(options.train, stack, data, untouched)
    if train != options.train:
        notes.append(_updates(train))
    return dataclasses.replace(options, data=data, train=train), notes


def _updates(train: TrainOptions) -> str:
    registered = min(train.synchronised, train.steps)
    most = f", at most the first {registered:,} at registered poses" if registered else ""
    return (
        f"Training takes {train.steps:,} updates of {train.batch_size} examples{most} "
        "(train.steps, train.batch_size, train.synchronised)."
    )


def _choice(stack: Stack) -> str:
    return f":{stack.choice}" if stack.choice else ""


def _sample(data: DataOptions, stack: Stack) -> np.ndarray:
    """Numbers of some examples, evenly through the stack, that were observed."""
    count = stack.shape[0]
    number = min(count, SAMPLED, max(1, SAMPLE * count // stack.bytes))
    places = np.unique(np.linspace(0, count - 1, number).round().astype(int))
    raw = np.concatenate([stack.raw(int(place), int(place) + 1) for place in places])
    missing = missing_of(data, raw.dtype, ends_of(raw), declared=stack.nodata)
    require_observed(raw, places, name=stack.name, missing=missing)
    gone = hidden(raw, missing)
    return raw if gone is None else raw[~gone]


def _window(data: DataOptions, stack: Stack) -> tuple[dict, str]:
    """A window where values by their type leave [0, 1], or much of it unused."""
    sample = _sample(data, stack)
    if not sample.size:
        raise InputError(f"{stack.name}: no pixel of those looked at was observed; images wanted")
    least, largest = float(sample.min()), float(sample.max())
    if not least < largest:
        raise InputError(f"{stack.name}: all values are {least:g}; images of something are wanted")
    if stack.dtype.kind in "iu" and not told_apart(sample.min(), sample.max(), np.float64):
        raise InputError(
            f"{stack.name}: {stack.dtype.name} values from {sample.min()} to {sample.max()}, which "
            "64-bit floats hardly tell apart; take an offset off"
        )
    binary = stack.dtype.kind != "f" and largest <= 1
    top = 1.0 if binary or stack.dtype.kind == "f" else float(np.iinfo(stack.dtype).max)
    if least >= 0 and largest <= top and DIM * top <= largest - least:
        return {}, ""
    low, high = (float(value) for value in np.percentile(sample, WITHIN))
    # Of objects that fill less than a thousandth of their frame.
    low, high = (low, high) if low < high else (least, largest)
    return {"window": (low, high)}, (
        f"Shown to the model: {ends(low, high)} as 0 to 1 (data.window)."
    )


def _frame(data: DataOptions, stack: Stack) -> tuple[dict, str]:
    """Large examples shrink; the results keep their full size."""
    sides = frame_sides(stack.example[:-1], 0, stack.spacing)
    most = MOST[len(sides)]
    if max(sides) <= most:
        return {}, ""
    scale = round(most / max(sides), 6)
    said = f"Shown to the model at {' x '.join([str(most)] * len(sides))} (data.size, data.scale)."
    return {"size": most, "scale": scale}, said


def _limit(data: DataOptions, stack: Stack) -> tuple[dict, str]:
    """As many examples as fit into memory."""
    *sides, channels = stack.example
    shown = math.prod(frame_sides(tuple(sides), data.size, stack.spacing))
    largest = max(stack.bytes // stack.shape[0], 4 * channels * math.prod(sides), 4 * shown)
    most = max(2, TRAINED_ON // largest)
    if stack.shape[0] <= most:
        return {}, ""
    return {"limit": most}, f"Trained on {most:,} of the examples, drawn at random (data.limit)."


def _training(
    train: TrainOptions, stack: Stack, data: DataOptions, untouched: frozenset[str]
) -> TrainOptions:
    """Batches no larger than the stack, and fewer updates for small stacks and for volumes."""
    count = stack.shape[0]
    if count < 2:
        why = "; ".join(["a model needs many to learn from", *stack.notes])
        raise InputError(f"{stack.name}: one example; {why}")
    volumes = len(stack.example) == 4
    if volumes:
        free = {k: v for k, v in VOLUMES.items() if f"train.{k}" in untouched}
        train = dataclasses.replace(train, **free)
    held_out = min(max(round(count * data.test_fraction), 1), count - 1)
    most = min(count - held_out, data.limit or count)
    if "train.batch_size" in untouched:
        train = dataclasses.replace(train, batch_size=min(train.batch_size, most))
    if "train.synchronised" in untouched and not volumes:
        train = dataclasses.replace(train, synchronised=SYNCHRONISED)
    if "train.steps" in untouched and not volumes:
        steps = max(ENOUGH, VISITS * most // train.batch_size)
        train = dataclasses.replace(train, steps=min(train.steps, steps))
    return train
