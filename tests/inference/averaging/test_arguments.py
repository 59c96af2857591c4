"""Tests of `avae_jax.inference.averaging.arguments`."""

import math

import pytest

from avae_jax.core.errors import InputError
from avae_jax.inference.averaging.arguments import require_arguments


@pytest.mark.parametrize(("max_shift", "num_classes"), [(None, None), (0, 1), (3.5, 5)])
def test_require_arguments_takes_limits(max_shift, num_classes):
    require_arguments(10, max_shift=max_shift, num_classes=num_classes, unit="pixels")


@pytest.mark.parametrize(
    ("max_shift", "num_classes", "words"),
    [
        (-1, None, "max_shift=-1, wanted voxels, 0 or more"),
        (math.nan, None, "max_shift=nan"),
        (None, 0, "num_classes=0, wanted 1 to 5"),
        (None, 6, "num_classes=6, wanted 1 to 5"),
    ],
)
def test_require_arguments_names_what_came(max_shift, num_classes, words):
    with pytest.raises(InputError, match=words):
        require_arguments(10, max_shift=max_shift, num_classes=num_classes, unit="voxels")
