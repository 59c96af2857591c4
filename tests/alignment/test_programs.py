"""Tests of `avae_jax.alignment.programs`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.alignment import model_frame, programs
from avae_jax.config.options import DataOptions
from avae_jax.data import precision
from avae_jax.data.intensity import Scaling
from avae_jax.data.resize import reframe
from avae_jax.inference.calibration import Calibration
from avae_jax.models.objective import canonicalise
from avae_jax.transform.frame import frame
from tests.support.alignment_cases import smooth, turn
from tests.support.single_object import blobs, drawing
from tests.support.wrapped_vae import upright, wrap

pytestmark = pytest.mark.standard


@pytest.mark.parametrize(
    "sides, size, scale",
    [((20, 20), 21, 1.0), ((21, 21), 20, 1.0), ((30, 22), 24, 1.0), ((41, 33), 21, 0.5)],
)
def test_move_stack_agrees_with_the_model(sides, size, scale):
    """A pose moves a stack as the model saw it moved."""
    avae, _ = drawing(blobs((size, size)), "rigid")
    raw = smooth(sides) * 200
    data = DataOptions(size=size, scale=scale)
    own = frame(sides)
    into = model_frame.into_model(own, avae.inner, scale)
    seen = model_frame.Framing(own, into, Scaling(0, 200), np.zeros(1), data)
    pose = turn(35, shift=[0.08, -0.05])
    poses = model_frame.own_poses(np.asarray(pose)[None], seen).astype(np.float32)
    move = jax.jit(functools.partial(programs.move, own=own, interpolation="cubic"))
    moved = move(raw[None], poses, np.zeros(1, np.float32))
    canonical = jax.jit(functools.partial(canonicalise, avae=avae))
    wanted = canonical(model_frame.shown(raw[None], seen)[0], pose)
    middle = (slice(3, -3),) * 2
    found = model_frame.shown(np.asarray(moved), seen)[0]
    assert np.abs(found - np.asarray(wanted))[middle].max() < 0.04


def test_bring_back_undoes_into_model():
    """What the model draws comes back to the stack."""
    avae, _ = drawing(blobs((21, 21)), "rotation")
    own = frame((41, 33))
    raw = smooth((41, 33))
    into = model_frame.into_model(own, avae.inner, 0.5)
    fill = np.zeros(1, np.float32)
    drawn = reframe(raw[None], scale=0.5, size=21, fill=fill)
    how = {"source": avae.inner, "own": own, "interpolation": "linear"}
    bring_back = jax.jit(functools.partial(programs.bring_back, **how))
    back = bring_back(drawn, jnp.asarray(into, jnp.float32), fill)
    assert np.abs(np.asarray(back[0]) - raw)[4:-4, 4:-4].max() < 0.08


@pytest.mark.full
@pytest.mark.usefixtures("for_an_optimiser")
def test_find_states_how_well_poses_are_known():
    """Where a calibration is given; twice the width is twice the deviation within an optimum."""
    params, avae, search, bank, _ = wrap().trained
    given = params, jax.random.key(0), upright()[:4], np.arange(4), bank
    without = jax.eval_shape(functools.partial(programs.find, avae=avae, search=search), *given)
    assert without.known is None and without.stated is None
    one, two = (
        jax.jit(functools.partial(find, Calibration(width=width), avae, search))(*given).known
        for width in (1.0, 2.0)
    )
    assert not np.allclose(one.elsewhere, two.elsewhere)
    assert all(((share >= 0) & (share <= 1)).all() for share in (one.elsewhere, two.elsewhere))
    assert one.degrees.shape == (4,) and (np.asarray(two.degrees) >= one.degrees).all()
    assert (np.asarray(one.shift) == 0).all()


def find(calibration, avae, search, *given):
    return programs.find(*given, avae=avae, search=search, uncertain=True, calibration=calibration)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_move_quarter_turn_exact_in_every_channel(channels):
    """A quarter turn moves every channel exactly."""
    raw = np.random.default_rng(0).integers(0, 65535, (2, 9, 9, channels)).astype(np.float32)
    poses = np.stack([np.asarray(turn(90)), np.eye(3, dtype=np.float32)])
    fill = np.zeros(channels, np.float32)
    move = functools.partial(programs.move, own=frame((9, 9)), interpolation="linear")
    moved = jax.jit(move)(raw, poses, fill)
    np.testing.assert_allclose(moved[0], np.rot90(raw[0]), atol=0.05)
    np.testing.assert_array_equal(precision.stored(np.asarray(moved[1]), np.dtype("u2")), raw[1])
