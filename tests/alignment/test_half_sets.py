"""Halves of a stack aligned apart, laid on the whole: with poses and classes that are known."""

import csv
import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.alignment import class_averages
from avae_jax.alignment.half_sets import aligned_apart, laid
from avae_jax.main import main
from tests.support.class_alignments import known_alignment

COUNT = 60


def rigid(seed: int, count: int, d: int):
    """Random poses `[n, d + 1, d + 1]`."""
    rng = np.random.default_rng(seed)
    poses = np.tile(np.eye(d + 1), (count, 1, 1))
    if d == 3:
        poses[:, :3, :3] = Rotation.random(count, random_state=seed).as_matrix()
    else:
        turn = rng.uniform(0, 2 * np.pi, count)
        poses[:, :2, :2] = np.moveaxis(
            np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]), -1, 0
        )
    poses[:, :d, d] = rng.uniform(-0.1, 0.1, (count, d))
    return poses


@pytest.mark.parametrize("d", [2, 3])
def test_each_class_is_laid_on_its_own_with_wrong_poses_left_out(d):
    rng = np.random.default_rng(0)
    target, classes = rigid(1, COUNT, d), rng.integers(0, 3, COUNT)
    frames, names = rigid(2, 3, d), np.array([2, 0, 1])
    poses = frames[classes] @ target
    wrong = np.arange(0, COUNT, 6)
    poses[wrong] = rigid(3, len(wrong), d)
    found, numbers = laid(poses, names[classes], target, classes, 3)
    right = np.setdiff1d(np.arange(COUNT), wrong)
    np.testing.assert_allclose(found[right], target[right], atol=0.05)
    np.testing.assert_array_equal(numbers, classes)


def alignment(poses, classes, number):
    averages = np.random.default_rng(0).standard_normal((number, 16, 16, 1))
    return known_alignment(poses, classes, averages)


def test_halves_are_searched_apart():
    whole = alignment(rigid(1, COUNT, 2), np.arange(COUNT) % 3 % 2, 2)
    examples, given = np.arange(COUNT), []

    def search(mine, seed, number):
        given.append((mine.tolist(), seed, number))
        own = dataclasses.replace(whole, classes=1 - whole.classes[mine])
        return dataclasses.replace(own, poses=rigid(seed, 1, 2) @ whole.poses[mine])

    found = aligned_apart(examples, whole, search, seed=4)
    assert given == [(list(range(0, COUNT, 2)), 5, 2), (list(range(1, COUNT, 2)), 6, 2)]
    np.testing.assert_allclose(found.poses, whole.poses, atol=1e-9)
    np.testing.assert_array_equal(found.classes, whole.classes + 1)


@pytest.mark.parametrize(
    "flags, said",
    [
        ([], "31 examples for up to 8 class averages; wanted 32 or more"),
        (["--classes", "8"], "31 examples for up to 8 class averages; wanted 32 or more"),
    ],
)
def test_too_few_examples_are_refused_before_a_search(flags, said, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(class_averages, "align_images", None)
    noise = np.random.default_rng(0).standard_normal((31, 16, 16)).astype(np.float32)
    np.save(tmp_path / "x.npy", noise)
    assert fit_align(tmp_path, "--halves", "apart", *flags) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out" / "poses.csv").exists()


def fit_align(folder, *flags):
    command = ["--mode", "fit-align", "--input", str(folder / "x.npy")]
    return main([*command, "--output", str(folder / "out"), *flags])


def correlations(folder):
    with (folder / "out" / "frc.csv").open(newline="") as file:
        return np.array([float(row["class_1"]) for row in csv.DictReader(file)])


@pytest.mark.full
def test_noise_aligned_to_itself_correlates_and_halves_apart_do_not(tmp_path, monkeypatch):
    """Poses that lay noise on a pattern, for the whole stack; unrelated ones for the halves."""
    rng, count = np.random.default_rng(1), 1000
    pattern = rng.standard_normal((16, 16))
    images = rng.standard_normal((count, 16, 16)).astype(np.float32)
    # How much each looks like the pattern in its quarter turns: on average 1.03 deviations at best.
    match = [(np.rot90(images, k, (1, 2)) * pattern).sum((1, 2)) for k in range(4)]
    turns = np.argmax(match, 0)
    np.save(tmp_path / "x.npy", images)

    def search(examples, *, seed, num_classes):
        k = turns if len(examples) == count else rng.integers(0, 4, len(examples))
        poses = np.tile(np.eye(3), (len(k), 1, 1))
        cos, sin = np.rint(np.cos(k * np.pi / 2)), np.rint(np.sin(k * np.pi / 2))
        poses[:, :2, :2] = np.moveaxis(np.array([[cos, -sin], [sin, cos]]), -1, 0)
        return alignment(poses, np.zeros(len(k), int), 1)

    monkeypatch.setattr(class_averages, "align_images", search)
    assert fit_align(tmp_path, "--method", "averages") == 0
    together = correlations(tmp_path)
    assert fit_align(tmp_path, "--halves", "apart", "--overwrite") == 0
    apart = correlations(tmp_path)
    # Of 256 entries in means of 500 images one has a signal of 1.03: 1.06 / (1.06 + 256 / 500).
    assert together.mean() == pytest.approx(0.67, abs=0.15)
    assert abs(apart.mean()) < 0.15


def test_a_model_has_no_halves(tmp_path, capsys):
    np.save(tmp_path / "x.npy", np.zeros((9, 16, 16), np.float32))
    assert fit_align(tmp_path, "--method", "model", "--halves", "apart") == 2
    assert "--halves apart: wanted with --method averages" in capsys.readouterr().err
