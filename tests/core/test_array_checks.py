"""Tests of `avae_jax.core.array_checks`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.core.array_checks import INTEGERS, require_array, require_pose
from avae_jax.core.errors import InputError


@pytest.mark.parametrize(
    ("value", "given", "said"),
    [
        (np.zeros((4, 4)), {}, r"x: of shape \[4, 4\], wanted \[4, 4, C\]"),
        (np.zeros((2, 4, 4, 1)), {}, r"\[2, 4, 4, 1\], wanted .*jax.vmap"),
        (np.zeros((4, 5, 1)), {}, r"\[4, 5, 1\], wanted \[4, 4, C\]"),
        (np.zeros((4, 4, 1), np.uint8), {"interval": (0, 1)}, "uint8 values, wanted floats from 0"),
        (np.zeros((4, 4, 1)), {"kind": INTEGERS}, "float64 values, wanted integers"),
        (np.full((4, 4, 1), np.nan), {}, "16 values of NaN or infinity"),
        (np.full((4, 4, 1), 7.0), {"interval": (0, 1)}, "values from 7 to 7, wanted .*from 0 to 1"),
    ],
)
def test_require_array_says_what_came_and_what_is_wanted(value, given, said):
    with pytest.raises(InputError, match=said):
        require_array("x", value, (4, 4, "C"), **given)


def test_require_array_takes_what_is_wanted():
    require_array("x", jnp.ones((4, 4, 3), jnp.bfloat16), (4, 4, "C"), interval=(0, 1))
    require_array("x", np.full((4, 4, 1), np.nan), (4, 4, "C"), finite=False, interval=(0, 1))
    require_pose("pose", np.stack([np.eye(3)] * 5), 2, "B")


def test_require_pose_refuses_what_nothing_undoes():
    poses = np.stack([np.eye(3)] * 5)
    poses[3, 0, 0] = 0
    with pytest.raises(InputError, match="pose: a matrix without an inverse"):
        require_pose("pose", poses, 2, "B")
    jax.jit(lambda pose: require_pose("pose", pose, 2, "B"))(poses)


def test_require_array_looks_at_shapes_alone_where_a_program_is_traced():
    def double(x):
        require_array("x", x, (3,), interval=(0, 1))
        return 2 * x

    assert jax.jit(double)(jnp.full(3, 9.0))[0] == 18
    with pytest.raises(InputError, match=r"x: of shape \[4\]"):
        jax.jit(double)(jnp.zeros(4))
