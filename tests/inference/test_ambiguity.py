"""Gaps between optima, and which examples are doubtful for it."""

import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.inference import ambiguity
from avae_jax.inference.search import SearchResult, resolve
from avae_jax.transform import family
from avae_jax.transform.matrices import affine, plane_rotation


def turn(degrees):
    return affine(plane_rotation(jnp.radians(jnp.float32(degrees)), (0, 1), 2), jnp.zeros(2))


@pytest.mark.standard
def test_gap_is_to_an_optimum_apart():
    """The gap is to an optimum that is apart."""
    poses = jnp.stack([turn(0), turn(4), turn(90), turn(-3)])[None]
    losses = jnp.array([[10.0, 11.0, 14.0, 20.0]])
    none = jnp.zeros(1)
    result = SearchResult(poses[:, 0], losses[:, 0], poses, losses, none, none, none)
    np.testing.assert_allclose(ambiguity.runner_up_gap(result, degrees=15.0), [4.0])
    alone = result._replace(candidates=poses[:, :2], candidate_losses=losses[:, :2])
    assert np.isinf(ambiguity.runner_up_gap(alone, degrees=15.0)).all()


def test_doubtful_for_small_gaps_failures_and_empty_images():
    gap = np.array([0.1, ambiguity.DOUBTFUL, np.inf, 9.0])
    none, some = np.zeros(4), np.array([0, 0, 1, 0])
    constant = np.array([False, False, False, True])
    found = ambiguity.is_ambiguous(gap, nonfinite=some, constant=constant)
    np.testing.assert_array_equal(found, [True, False, True, True])
    found = ambiguity.is_ambiguous(gap, nonfinite=none, constant=constant)
    np.testing.assert_array_equal(found, [True, False, False, True])


@pytest.mark.parametrize("options", [SearchOptions(), SearchOptions(preset="original", keep=1)])
def test_widened_keeps_enough_candidates(options):
    """A wide search keeps enough to tell."""
    search = resolve(options, family("rotation", 2))
    wide = ambiguity.with_candidates(search)
    assert wide.keep == ambiguity.KEEP and wide.starts == search.starts
    assert wide.margin == (ambiguity.MARGIN if search.method == "line" else search.margin)
