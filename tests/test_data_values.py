"""Numbers keep their digits, their sign, their scale and the shape of their pixels."""

import numpy as np
import pytest

from avae_jax.aligning import step
from avae_jax.aligning.framing import Framing
from avae_jax.aligning.levels import drawn, lowered, raised
from avae_jax.aligning.survey import survey
from avae_jax.data import load
from avae_jax.data.stacks import open_stack
from avae_jax.data.values import Scaling, scaled
from avae_jax.errors import InputError
from avae_jax.options import DataOptions
from avae_jax.transform.frame import frame
from avae_jax.transform.matrices import identity

SHAPE = (5, 9, 7)


def contrast(top=1.0, shape=SHAPE):
    """Numbers from 0 to `top`, both met."""
    values = np.random.default_rng(0).random(shape)
    values.flat[:2] = 0, 1
    return values * top


# name: values [N, H, W], the window of a model, how far the values may come back from.
WIDE = {
    "float64 on 1e8": (1e8 + contrast(4.0), (1e8, 1e8 + 4), 4e-6),
    "float64 on -1e12": (-1e12 + contrast(50.0), (-1e12, -1e12 + 50), 1e-3),
    "float64 that is tiny": (contrast(1e-30), (0, 1e-30), 1e-36),
    "float64 of one value": (np.full(SHAPE, 1e8 + 0.25), (1e8, 1e8 + 1), 0),
    "big-endian float64": ((1e9 + contrast(1.0)).astype(">f8"), (1e9, 1e9 + 1), 2e-6),
    "long double": (1e8 + contrast(4.0).astype(np.longdouble), (1e8, 1e8 + 4), 4e-6),
    "int32 on 2e9": ((2_000_000_000 + contrast(250)).astype("i4"), (2e9, 2e9 + 250), 0.5),
    "uint32 at its end": ((2**32 - 1 - contrast(99)).astype("u4"), (2**32 - 100, 2**32 - 1), 0.5),
    "int32 of its whole range": (
        np.rint((contrast() - 0.5) * (2**32 - 1)).clip(-(2**31), 2**31 - 1).astype("i4"),
        (-(2.0**31), 2.0**31),
        4295,
    ),
    "int64 on 2^52": (2**52 + np.rint(contrast(999)).astype("i8"), (2**52, 2**52 + 999), 0.5),
    "int64 on -2^62": (
        -(2**62) + np.rint(contrast(9999)).astype("i8"),
        (-(2**62), -(2**62) + 8192),
        0.5,
    ),
    "uint64 on 2^63": (2**63 + np.rint(contrast(9999)).astype("u8"), (2**63, 2**63 + 8192), 0.5),
    "float32": (contrast(300.0).astype("f4"), (0, 300), 0),
    "uint16": (contrast(65535).astype("u2"), (0, 65535), 0),
}


def framing_of(values, window, fill=0.5):
    own = frame(values.shape[1:-1])
    scaling = Scaling(*window, clip=True)
    return Framing(own, np.eye(own.d + 1), scaling, np.full(1, fill), DataOptions())


@pytest.mark.parametrize("name", WIDE)
def test_what_is_seen_and_what_comes_back(name):
    values, (low, high), within = WIDE[name]
    raw = values[..., None]
    seen = framing_of(raw, (low, high))
    whole = raw.astype("O") if raw.dtype.kind in "iu" else raw
    wanted = ((whole - type(whole.flat[0])(low)) / (high - low)).astype("f8").clip(0, 1)
    np.testing.assert_allclose(scaled(raw, seen.scaling), wanted, atol=2e-7)
    levels = lowered(raw, seen)
    assert levels.values.dtype == np.float32 and np.isfinite(levels.values).all()
    back = raised(levels.values, levels, values.dtype)
    assert back.dtype == values.dtype
    assert abs(back.astype(whole.dtype) - whole).max() <= within
    outside = raised(np.broadcast_to(levels.fill[:, None, None], raw.shape), levels, values.dtype)
    np.testing.assert_allclose(
        (outside.astype(whole.dtype) - whole.dtype.type(int(low))).astype("f8")
        if raw.dtype.kind == "f"
        else (outside.astype("O") - int(low)).astype("f8"),
        (high - low) / 2,
        atol=max(2 * within, 1e-6 * (high - low), 0.5 * (raw.dtype.kind != "f")),
    )
    made = drawn(levels.values * 0 + np.float32(0.5), seen, values.dtype)
    assert made.dtype == values.dtype and len(np.unique(made)) == 1


def test_a_move_keeps_the_digits_of_doubles():
    values = (1e8 + contrast(4.0))[..., None]
    levels = lowered(values, framing_of(values, (1e8, 1e8 + 4)))
    turned = np.stack([np.asarray(identity(2)).copy() for _ in values])
    turned[:, :2, :2] = [[0, -1], [1, 0]]
    square, fills = levels.values[:, 1:8], levels.fill
    moved = step.move(square, turned, fills, own=frame((7, 7)), interpolation="linear")
    back = raised(np.asarray(moved), levels, values.dtype)
    wanted = np.rot90(values[:, 1:8], 1, axes=(1, 2))
    np.testing.assert_allclose(back - 1e8, wanted - 1e8, atol=4e-6)


HUGE = {
    "1e39": (1e39, r"example 2 holds 1e\+39, too large for 32 bits"),
    "-1e300": (-1e300, r"example 2 holds -1e\+300, too large"),
    "NaN": (np.nan, "example 2 holds NaN or infinity"),
}


@pytest.mark.parametrize("name", HUGE)
def test_what_float32_cannot_hold_is_said_of_its_example(name, tmp_path):
    number, said = HUGE[name]
    values = contrast(1.0, (20, 8, 8))
    values[2, 3, 4] = number
    np.save(tmp_path / "x.npy", values)
    with open_stack(str(tmp_path / "x.npy")) as stack, pytest.raises(InputError, match=said):
        survey(stack)
    with pytest.raises(InputError, match="example 2 holds"):
        load(DataOptions(source=f"npy:{tmp_path / 'x.npy'}", window=(0.0, 1.0)), seed=0)


def test_doubles_without_a_window_are_not_made_a_few_steps(tmp_path):
    np.save(tmp_path / "x.npy", 1e8 + contrast(4.0, (20, 8, 8)))
    source = f"npy:{tmp_path / 'x.npy'}"
    with pytest.raises(InputError, match=r"100000000 to 100000004.*data.window="):
        load(DataOptions(source=source), seed=0)
    seen = load(DataOptions(source=source, window=(1e8, 1e8 + 4)), seed=0).train
    assert len(np.unique(seen)) > 900
