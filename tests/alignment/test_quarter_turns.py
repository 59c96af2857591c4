"""Poses of examples turned by a quarter, against those of the examples."""

import json

import numpy as np
import pytest

from avae_jax.alignment.align import align_by, work_of
from avae_jax.alignment.job import Known
from avae_jax.alignment.quarter_turns import agreement, quarter_turns, runs, told
from avae_jax.alignment.row_store import MemoryColumn
from avae_jax.config.modes import Request
from avae_jax.config.options import RangeOptions
from avae_jax.data.formats.memory import memory_stack
from tests.support.alignment_cases import knowing, options, posed, turn

QUARTER = {d: np.asarray(turn(90, d)) for d in (2, 3)}


def after(poses, *, off):
    """The poses of turned examples, found `off` degrees further on."""
    d = poses.shape[-1] - 1
    return np.asarray(turn(off, d)) @ poses @ np.linalg.inv(QUARTER[d])


def random_poses(d, count=5):
    rng = np.random.default_rng(0)
    turns = [np.asarray(turn(angle, d)) for angle in rng.uniform(-180, 180, count)]
    poses = np.stack(turns).astype(np.float64)
    poses[:, :d, d] = rng.uniform(-0.2, 0.2, (count, d))
    poses[:, :d, :d] *= 1.2
    return poses


@pytest.mark.parametrize("d", [2, 3])
def test_agreement_of_a_quarter_on_is_what_is_off(d):
    """Poses a quarter turn on agree; others are as far off as they are turned further."""
    poses = random_poses(d)
    assert agreement(after(poses, off=0), poses).median_deg == pytest.approx(0, abs=1e-3)
    found = agreement(after(poses, off=-7), poses)
    assert found.median_deg == pytest.approx(7, abs=1e-3)
    assert found.jumps == 0 and found.examples == 5


def test_agreement_counts_jumps_and_mirror_images():
    """More than twenty degrees off are a jump, and so is a mirror image."""
    poses = random_poses(2)
    turned = np.concatenate(
        [after(poses[:2], off=19), after(poses[2:4], off=-21), after(poses[4:], off=0)]
    )
    turned[4] = np.diag([1, -1, 1]) @ turned[4]
    found = agreement(turned, poses)
    assert found.jumps == pytest.approx(3 / 5)
    assert found.median_deg == pytest.approx(21, abs=1e-3)


def test_runs_are_few_spread_and_within_the_stack():
    """All of a short stack; of a long one eight ranges, or single examples of small chunks."""
    assert runs(5, 16) == [(0, 5)]
    long = runs(1000, 256)
    assert len(long) == 8 and long[0] == (0, 32) and long[-1] == (968, 1000)
    assert runs(6, 4) == [(0, 1), (2, 3), (3, 4), (5, 6)]
    for count, most in ((17, 16), (300, 250), (2, 1)):
        index = np.concatenate([np.arange(*each) for each in runs(count, most)])
        assert len(np.unique(index)) == len(index) <= most and index.max() < count


def test_told_names_the_numbers(capsys):
    """What was measured is said and named; nothing is where nothing was."""
    assert told(None) == {} and capsys.readouterr().out == ""
    found = agreement(after(random_poses(2), off=30), random_poses(2))
    assert told(found) == {
        "quarter_turn_median_deg": pytest.approx(30, abs=1e-3),
        "quarter_turn_jumps": 1.0,
        "quarter_turn_examples": 5,
    }
    assert "to 30 degrees (median), 100.0% more than 20 degrees off" in capsys.readouterr().out


@pytest.mark.standard
def test_alignment_turns_its_examples_again(tmp_path):
    """An alignment by a model searches some examples again, turned, and finds them there."""
    trained, image = knowing((21, 21))
    angles = (-170, -60, 20, 75, 140, 160)
    np.save(tmp_path / "stack.npy", posed(image, [turn(angle) for angle in angles])[..., 0])
    align_by(trained, options(), Request(str(tmp_path / "stack.npy"), tmp_path / "out"))
    result = json.loads((tmp_path / "out" / "align.json").read_text())["result"]
    assert result["quarter_turn_examples"] == 4  # a chunk of options()
    assert result["quarter_turn_jumps"] == 0
    assert result["quarter_turn_median_deg"] < 0.5


@pytest.mark.parametrize("why", ["not square", "narrow", "no rotation", "known"])
def test_nothing_is_turned_where_a_turn_does_not_fit(why):
    """Frames that are not square, narrow ranges, no rotation and known poses have no such turn."""
    shape = (21, 19) if why == "not square" else (21, 21)
    trained, image = knowing(shape, "translation" if why == "no rotation" else "rotation")
    if why == "narrow":
        narrow = RangeOptions(rotation=60)
        trained = trained._replace(avae=trained.avae._replace(ranges=narrow))
    stack = memory_stack(np.repeat(image[None], 4, 0), axes="")
    work = work_of(stack, trained, options(), reconstructions=False)
    if why == "known":
        work = work._replace(known=Known(lambda index: index, {}, {}))
    assert quarter_turns(work, pytest.fail, MemoryColumn((4, 3, 3), np.float32)) is None
