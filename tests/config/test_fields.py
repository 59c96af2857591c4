"""Tests of `avae_jax.config.fields`."""

import numpy as np
from ml_collections import ConfigDict

from avae_jax.config import files


def test_to_options_takes_the_type_of_the_field():
    """What loses nothing takes the type of its field."""
    given = ConfigDict(
        {
            "data": {"scale": 2, "fill": [0, 1]},
            "model": {"hidden": [np.int64(8), 4]},
            "train": {"learning_rate": np.float32(0.5), "steps": np.int64(5)},
        }
    )
    options = files.to_options(given)
    assert (options.data.scale, options.data.fill) == (2.0, (0.0, 1.0))
    assert options.model.hidden == (8, 4)
    assert options.train.steps == 5
    found = [options.data.scale, options.train.learning_rate, options.train.steps]
    assert [type(value) for value in found] == [float, float, int]
    assert hash(options) == hash(files.to_options(given))
