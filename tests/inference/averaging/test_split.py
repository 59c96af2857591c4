"""From one average to several, of images whose classes are known."""

import itertools

import numpy as np
import pytest

from avae_jax.inference.averaging.disc import Disc
from avae_jax.inference.averaging.model import Common, Model
from avae_jax.inference.averaging.sampling import Level
from avae_jax.inference.averaging.split import split

DISC = Disc(8, 2)
EACH = 10
# Eight classes: the corners of a box of three unequal sides, along three entries of a vector.
CORNERS = np.zeros((8, 1, DISC.size))
CORNERS[:, 0, :3] = list(itertools.product((-3, 3), (-2, 2), (-1, 1)))


@pytest.mark.parametrize("seed", range(6))
def test_split_finds_classes_that_differ_in_little(seed):
    """Whichever centres its clusterings begin with."""
    noise = np.random.default_rng(0).normal(0, 0.2, (8 * EACH, 1, DISC.size))
    flat = np.repeat(CORNERS, EACH, 0) + noise
    common = Common(np.ones((1, 2), np.float32), *np.float32([0.1, 1, 1]))
    one = Model(flat.mean(0)[None], np.ones((1, 1, 2)), np.full(1, 3.0), np.ones(1), common)
    made = split(flat, one, Level(DISC, 8, 1.0, 1.0), 8, np.random.default_rng(seed))
    order = np.lexsort((made.averages[:, 0, :3] > 0).T[::-1])
    means = flat.reshape(8, EACH, 1, DISC.size).mean(1)
    np.testing.assert_allclose(made.averages[order], means, atol=1e-5)
    np.testing.assert_allclose(made.shares, np.full(8, 1 / 8), rtol=1e-6)
    assert made.kept.shape == (8, 1, 2) and made.cost.tolist() == [3.0] * 8
