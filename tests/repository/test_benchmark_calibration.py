"""The benchmark of calibration: scores of posteriors that are right, and of too narrow ones."""

import functools
import json

import numpy as np
import pytest

from avae_jax.inference.marginal import Evidence
from avae_jax.transform.mixture import Mixture
from benchmarks.calibration import figure, scores
from tests.support.alignment_cases import knowing, turn

pytestmark = pytest.mark.standard
COUNT, WIDTH = 600, 0.1
STATED = np.array(scores.STATED)


def measured(stated):
    """True poses WIDTH around what was found, and posteriors that state another width."""
    rng = np.random.default_rng(0)
    angles = np.degrees(rng.normal(0, WIDTH, COUNT))
    true = np.stack([np.asarray(turn(angle)) for angle in angles])
    found = np.tile(np.eye(3, dtype=np.float32), (COUNT, 1, 1))
    spread = np.full((COUNT, 1, 1, 1), stated, np.float32)
    posterior = Mixture(found[:, None], spread, np.zeros((COUNT, 1), np.float32))
    ones = np.ones(COUNT, np.float32)
    return scores.Measured(
        posterior, Evidence(*[ones] * len(Evidence._fields)), true, found, 0, (1, 2)
    )


@functools.cache
def row_of(stated):
    """Made once for several tests: its programs take ten seconds."""
    case = scores.Case(None, None, knowing((21, 21))[0].avae, None)
    return scores.row(case, measured(stated))


def off(shares):
    """Distance of shares from the stated ones in standard errors, of two halves."""
    return np.abs(np.array(shares) - STATED) / np.sqrt(2 * STATED * (1 - STATED) / (COUNT / 2))


def test_right_posteriors_hold_what_they_say():
    """Posteriors of the true width hold what they say, and their ranks are even."""
    row = row_of(WIDTH)
    assert row["checked"] == COUNT / 2
    assert off(row["held_of_model"]).max() < 4 and off(row["held"]).max() < 4
    assert np.sum(row["ranks"]) == COUNT / 2
    chi = ((np.array(row["ranks_of_model"]) - 15) ** 2 / 15).sum()
    assert chi < 19 + 4 * np.sqrt(2 * 19)
    assert row["median_deg"] == pytest.approx(np.degrees(WIDTH), rel=0.2)
    assert row["ms"] == {"search": 1, "posterior_and_bound": 2}


def test_narrow_posteriors_are_told_and_mended():
    """Posteriors of half the width hold less than they say, and more once calibrated."""
    row = row_of(WIDTH / 2)
    assert row["held_of_model"][2] == pytest.approx(0.589, abs=4 * np.sqrt(0.25 / 300))
    assert off(row["held"]).max() < 4
    assert row["calibration"]["width"] > 1.4
    assert row["score"] > row["score_of_model"]


def test_pictures_show_every_case(tmp_path):
    """Both pictures are drawn from the numbers of a file."""
    row = json.loads(json.dumps(row_of(WIDTH)))
    numbers = {
        "stated": scores.STATED,
        "cases": {"one_rotation_own": row, "one_rotation_real": row},
    }
    figure.draw_regions(numbers, tmp_path / "regions.png")
    figure.draw_ranks(numbers, tmp_path / "ranks.png")
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 2


def test_other_optima_by_bins():
    """Stated probabilities of another optimum stand beside the share that was elsewhere."""
    stated, elsewhere = np.array([0.02, 0.02, 0.5, 0.5, 1.0]), np.array([0, 1, 1, 0, 1], bool)
    assert scores.other_optima(stated, elsewhere) == [
        {"stated": pytest.approx(0.02), "found": 0.5, "examples": 2},
        {"stated": 0.5, "found": 0.5, "examples": 2},
        {"stated": 1.0, "found": 1.0, "examples": 1},
    ]
