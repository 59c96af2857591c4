"""Options chosen for a stack."""

import numpy as np
import pytest

from avae_jax.alignment.auto_options import suited
from avae_jax.config import files
from avae_jax.config.modes import untouched
from avae_jax.config.validation import check
from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack


def chosen(stack, tmp_path, *overrides):
    """The options for an array, and what was said of them."""
    np.save(tmp_path / "x.npy", stack)
    given = files.apply_overrides(files.load_file("stack"), overrides)
    options = files.to_options(given)
    with open_stack(str(tmp_path / "x.npy")) as opened:
        made, notes = suited(options, opened, untouched=untouched(options, overrides))
    return check(made), " ".join(notes)


def numbers(shape, dtype, top):
    return (np.random.default_rng(0).random(shape) * top).astype(dtype)


def test_suited_small_bytes_as_they_are(tmp_path):
    """Small images of bytes are taken as they are."""
    options, said = chosen(numbers((200, 28, 28), "u1", 255.9), tmp_path)
    assert said == (
        "Training takes 1,000 updates of 128 examples, at most the first 100 at registered poses "
        "(train.steps, train.batch_size, train.synchronised)."
    )
    assert options.data.source == f"stack:{tmp_path / 'x.npy'}"
    assert (options.data.window, options.data.size, options.data.limit) == ("type", 0, 0)
    assert (options.data.pose, options.train.batch_size, options.train.steps) == (
        *("as_is", 128, 1000),
    )


@pytest.mark.parametrize("count, steps", [(20, 1000), (8000, 1000), (12000, 1500), (20000, 2000)])
def test_suited_updates_grow_with_the_stack(count, steps, tmp_path):
    """Twenty visits of each example that is trained on, within 1,000 and 2,000 updates."""
    options, _ = chosen(np.arange(count * 16).reshape(count, 4, 4) % 251 / 250, tmp_path)
    assert options.train.steps == pytest.approx(steps, abs=1)


def test_suited_images_take_fewer_updates_at_registered_poses(tmp_path):
    """Volumes, whose registered poses are good to a degree, and what is set stay."""
    images, volumes = numbers((50, 20, 20), "f4", 1), numbers((9, 20, 20, 20), "f4", 1)
    assert chosen(images, tmp_path)[0].train.synchronised == 100
    assert chosen(images, tmp_path, "train.synchronised=7")[0].train.synchronised == 7
    assert "registered" not in chosen(images, tmp_path, "train.synchronised=0")[1]
    assert chosen(volumes, tmp_path)[0].train.synchronised == 200


@pytest.mark.parametrize(
    "dtype, low, top",
    [
        *[("u2", 0, 4095), ("i2", -100, 900), ("f4", -4, 4), ("f4", 0, 0.01), ("f8", 0, 900)],
        # A little contrast on much: by their type these would be nearly constant.
        *[("i4", 2e9, 2e9 + 200), ("u2", 60000, 60200), ("f4", 0.9, 0.95)],
    ],
)
def test_suited_other_ranges_get_a_window(dtype, low, top, tmp_path):
    stack = (low + numbers((50, 20, 20), "f8", top - low)).astype(dtype)
    options, said = chosen(stack, tmp_path)
    begin, end = options.data.window
    assert low <= begin < end <= top and end - begin > 0.99 * (top - low)
    assert "data.window" in said


def test_suited_objects_in_a_void_keep_their_window(tmp_path):
    stack = np.zeros((40, 8, 8), np.int32)
    stack[0, 3, 3] = 900
    assert chosen(stack, tmp_path)[0].data.window == (0, 900)


def test_suited_binary_needs_no_window(tmp_path):
    """Binary numbers need no window."""
    assert chosen(numbers((50, 20, 20), "u1", 2), tmp_path)[0].data.window == "type"
    assert chosen(numbers((50, 20, 20), "f4", 1) > 0.5, tmp_path)[0].data.window == "type"


def test_suited_large_examples_shown_small(tmp_path):
    options, said = chosen(numbers((30, 120, 96), "f4", 1), tmp_path)
    assert (options.data.size, options.data.scale) == (48, 0.4)
    assert "48 x 48" in said
    options, said = chosen(numbers((9, 20, 32, 24), "f4", 1), tmp_path)
    assert (options.data.size, options.data.scale, options.train.steps) == (16, 0.5, 600)
    assert options.train.batch_size == 7
    assert "600 updates of 7 examples" in said


def test_suited_keeps_options_set_by_the_user(tmp_path):
    """What somebody has set stays."""
    overrides = "data.size=64", "data.window=0,0.5", "train.batch_size=4", "train.steps=2000"
    registered = "train.synchronised=30"
    options, said = chosen(numbers((9, 80, 80), "f4", 1), tmp_path, *overrides, registered)
    assert (options.data.size, options.data.scale) == (64, 1.0)
    assert options.data.window == (0.0, 0.5)
    assert (options.train.batch_size, options.train.synchronised, said) == (4, 30, "")


def test_suited_refuses_nothing_to_learn_from(tmp_path):
    """Nothing to learn from is refused."""
    with pytest.raises(InputError, match="one example"):
        chosen(numbers((1, 20, 20), "f4", 1), tmp_path)
    with pytest.raises(InputError, match="all values are 7"):
        chosen(np.full((5, 20, 20), 7, "u1"), tmp_path)
    broken = numbers((9, 20, 20), "f4", 1)
    broken[3, 2, 2] = np.nan
    with pytest.raises(InputError, match="example 3 holds NaN or infinity"):
        chosen(broken, tmp_path)
