"""What the page is given to explore: poses tried, optima kept, codes on a map."""

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.evaluation import explorer
from avae_jax.transform.matrices import affine, plane_rotation

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def turn(degrees):
    rotation = plane_rotation(jnp.radians(jnp.float32(degrees)), (0, 1), 2)
    return np.asarray(affine(rotation, jnp.zeros(2)))


def test_choose_gives_the_most_doubtful_a_dial():
    gap = np.full(40, np.inf)
    gap[[30, 5, 21, 38]] = [1.0, 0.1, 2.0, 3.0]
    chosen = explorer.choose_examples(gap, 12)
    np.testing.assert_array_equal(chosen, [*range(9), 30, 21, 38])
    np.testing.assert_array_equal(explorer.choose_examples(gap[:3], 12), [0, 1, 2])


def test_apart_shows_one_optimum_once():
    """Candidates that are one optimum are shown once."""
    poses = np.stack([turn(0), turn(4), turn(90), turn(-3), turn(180)])
    losses = np.array([1.0, 2.0, 3.0, 4.0, np.inf])
    np.testing.assert_array_equal(explorer.apart(poses, losses, degrees=15.0), [0, 2])
    lost = np.full(5, np.inf)
    np.testing.assert_array_equal(explorer.apart(poses, lost, degrees=15.0), [0])
