"""Poses and families: what is done and undone is as it was."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avae_jax.transform import parse_family, retract
from avae_jax.transform.frame import make_frame
from avae_jax.transform.lie import coordinates
from avae_jax.transform.matrices import compose, factorise, inverse, matmul, plane_rotation
from avae_jax.transform.warp import warp

# The same examples in every run.
REPEATED = settings(max_examples=40, deadline=None, derandomize=True, database=None)
NAMES = ("rotation", "translation", "rigid", "similarity", "affine")
SMALL = st.floats(-0.625, 0.625, width=32)


def steps(d):
    """A family and a point in its local coordinates."""
    sizes = {name: parse_family(name, d).size for name in NAMES}
    return st.sampled_from(NAMES).flatmap(
        lambda name: st.tuples(
            st.just(name), st.lists(SMALL, min_size=sizes[name], max_size=sizes[name])
        )
    )


@functools.partial(jax.jit, static_argnames=("name", "d"))
def stepped(name, start, alpha, *, d):
    """The pose after a step, with its inverse, and the step that leads there."""
    group = parse_family(name, d)
    pose = retract(group, start, alpha)
    return pose, matmul(pose, inverse(pose)), coordinates(group, start, pose)


@pytest.mark.standard
@REPEATED
@given(step=steps(2), angle=st.floats(-3.125, 3.125, width=32))
def test_a_step_is_undone_by_its_inverse_and_found_again(step, angle):
    name, alpha = step
    group, alpha = parse_family(name, 2), jnp.float32(alpha)
    turned = group.has("rotation") * angle
    start = jnp.eye(3).at[:2, :2].set(plane_rotation(jnp.float32(turned), (0, 1), 2))
    _, undone, found = stepped(name, start, alpha, d=2)
    np.testing.assert_allclose(undone, np.eye(3), atol=1e-4)
    np.testing.assert_allclose(found, alpha, atol=2e-3)


@functools.partial(jax.jit, static_argnames="name")
def factored(name, alpha, mirror):
    """The factors of a pose times a mirror, the pose that they make, and the pose."""
    pose = retract(parse_family(name, 3), jnp.eye(4), alpha) @ mirror
    factors = factorise(pose)
    return factors, compose(factors), pose


@pytest.mark.standard
@REPEATED
@given(step=steps(3), mirrored=st.booleans())
def test_factors_give_the_pose_again(step, mirrored):
    name, alpha = step
    mirror = np.diag(np.float32([1, 1, -1 if mirrored else 1, 1]))
    factors, again, pose = factored(name, jnp.float32(alpha), mirror)
    np.testing.assert_allclose(again, pose, atol=2e-4)
    assert (np.sign(factors.scale[-1]) < 0) == mirrored
    np.testing.assert_allclose(np.linalg.det(factors.rotation), 1, atol=1e-4)


FRAME = make_frame((7, 9))
MOVE = jax.jit(lambda x, pose, fill: warp(x, pose, fill, source=FRAME, target=FRAME))


@pytest.mark.standard
@REPEATED
@given(step=steps(2), seed=st.integers(0, 999), share=st.floats(-2, 2, width=32))
def test_resampling_is_linear_and_keeps_the_background(step, seed, share):
    name, alpha = step
    pose, *_ = stepped(name, jnp.eye(3), jnp.float32(alpha), d=2)
    a, b = np.random.default_rng(seed).normal(size=(2, 7, 9, 1)).astype(np.float32)
    none = jnp.zeros(1)
    summed = MOVE(a + np.float32(share) * b, pose, none)
    apart = MOVE(a, pose, none) + np.float32(share) * MOVE(b, pose, none)
    np.testing.assert_allclose(summed, apart, atol=1e-4)
    grey = jnp.float32([share])
    np.testing.assert_allclose(MOVE(jnp.full((7, 9, 1), grey[0]), pose, grey), grey[0], atol=1e-5)


@pytest.mark.standard
@REPEATED
@given(rows=st.integers(-3, 3), columns=st.integers(-4, 4), seed=st.integers(0, 999))
def test_whole_pixels_are_moved_and_not_changed(rows, columns, seed):
    x = np.random.default_rng(seed).normal(size=(7, 9, 1)).astype(np.float32)
    # Two coordinates are the longest side.
    pose = jnp.eye(3).at[:2, 2].set(jnp.float32([rows, columns]) * 2 / 9)
    wanted = np.zeros_like(x)
    target = wanted[max(rows, 0) : 7 + min(rows, 0), max(columns, 0) : 9 + min(columns, 0)]
    source = x[max(-rows, 0) : 7 + min(-rows, 0), max(-columns, 0) : 9 + min(-columns, 0)]
    target[...] = source
    moved = np.asarray(MOVE(x, pose, jnp.zeros(1)))
    backwards = np.asarray(MOVE(x, inverse(pose), jnp.zeros(1)))
    assert min(np.abs(moved - wanted).max(), np.abs(backwards - wanted).max()) < 1e-5
