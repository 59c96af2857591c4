"""Tests of `avae_jax.alignment.model_frame`."""

from types import SimpleNamespace

import pytest

from avae_jax.alignment import model_frame
from avae_jax.config.options import DataOptions

pytestmark = pytest.mark.standard


@pytest.mark.parametrize(
    ("sides", "size", "scale", "seen"),
    [
        ((10007, 9000), 48, 0.004797, ""),  # as fit-align chooses it for this stack
        ((100, 60), 48, 0.48, ""),
        ((200, 60), 48, 0.48, "100 x 60"),
        ((29, 29), 28, 1.0, "28 x 28"),
        ((29, 29), 0, 1.0, ""),
    ],
)
def test_cut_off_says_where_only_the_middle_is_seen(sides, size, scale, seen):
    """It is said where a model sees only the middle."""
    stack = SimpleNamespace(example=(*sides, 1), spacing=())
    data = DataOptions(size=size, scale=scale)
    said = model_frame.cut_off(stack, data=data)
    assert (f"only the middle {seen} of each" in said) if seen else said == ""
