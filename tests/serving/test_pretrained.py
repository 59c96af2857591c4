"""Tests of `avae_jax.serving.pretrained`."""

import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.core.errors import InputError
from tests.support import tiny_vae
from tests.support.wrapped_vae import wrap

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x": np.zeros((3, 7, 7), np.float32)}, r"upright: .*\(3, 7, 7\), wanted \[n, H, W, C\]"),
        ({"x": np.zeros((3, 7, 7, 1), np.uint8)}, "upright: uint8 values, wanted floats"),
        ({"x": np.full((3, 7, 7, 1), 2.0)}, "upright: values from 2 to 2"),
        ({"x": np.full((3, 7, 7, 1), np.nan)}, "upright: example 0 holds NaN"),
        ({"x": np.zeros((3, 8, 8, 1))}, r"encode: fails on one example, float32\[8, 8, 1\]"),
        ({"encode": lambda params, x: x.reshape(-1)}, r"encode: gave float32\[49\], wanted mean"),
        ({"decode": lambda params, z: z}, r"decode: gave float32\[2\], wanted float32\[7, 7, 1\]"),
        ({"decode": lambda *z: 9 * tiny_vae.decode(*z) - 4}, "decode: gave values from .*sigmoid"),
        (
            {"decode": lambda *z: np.nan * tiny_vae.decode(*z)},
            "decode: the decoded .* not finite",
        ),
        ({"likelihood": "poisson"}, "likelihood='poisson': one of bernoulli, gaussian"),
        ({"family": "wobble"}, "wobble"),
        ({"batch": 0}, "batch=0"),
        ({"sigma": -1, "likelihood": "gaussian"}, "model.sigma=-1.0: above 0"),
        ({"search": "thorough"}, "search='thorough': wanted avae_jax.SearchOptions"),
        (
            {"search": SearchOptions(learned=True), "family": "translation"},
            "wants a family with rotations",
        ),
        ({"encode": lambda params, x: params["in"]}, "encode: fails .*KeyError"),
        ({"fill": (0.0, 0.0)}, "fill"),
    ],
)
def test_posed_refuses_what_does_not_fit(changes, said):
    """What does not fit is said before compute is spent."""
    with pytest.raises(InputError, match=said):
        wrap(**changes)
