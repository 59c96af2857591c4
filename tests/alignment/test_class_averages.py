"""`fit-align` of noisy images by class averages, through the command line."""

import csv
import importlib

import mrcfile
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from avae_jax.alignment import class_averages
from avae_jax.alignment.job import differences
from avae_jax.inference.averaging.volumes import align as volume_align
from avae_jax.main import main
from benchmarks.stacks.particles import Case, particles
from benchmarks.stacks.solid_particles import VolumeCase, solids
from benchmarks.stacks.volumes import Found, errors
from tests.support.class_alignments import known_alignment
from tests.support.sharing import made_once

pytestmark = pytest.mark.standard

COUNT, SIDE = 160, 20


def rows_of(folder):
    with (folder / "poses.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def command(source, target, *flags):
    return main(
        ["--mode", "fit-align", "--input", str(source), "--output", str(target), *map(str, flags)]
    )


@pytest.fixture(scope="module")
def truth():
    return particles(Case("small", size=SIDE, snr=1.2, shift=0.8), count=COUNT, seed=3)


@pytest.fixture(scope="module")
def done(truth, tmp_path_factory):
    """A noisy stack of MRC images of 2.5 Angstrom a pixel, aligned with no options."""

    def align(folder):
        with mrcfile.new(folder / "noisy.mrcs", data=truth.images.astype(np.float32)) as file:
            file.set_image_stack()
            file.voxel_size = 2.5
        assert command(folder / "noisy.mrcs", folder / "out") == 0
        return folder

    return made_once(tmp_path_factory, "noisy_images", align)


def test_averaged_finds_poses(done, truth):
    """Angles and shifts are those of the objects, up to one offset of each."""
    rows = rows_of(done / "out")
    angles = np.array([float(row["rotation_deg"]) for row in rows])
    away = np.exp(1j * np.radians(angles - truth.angles))
    errors = np.abs(np.degrees(np.angle(away / away.mean())))
    assert np.median(errors) < 3 and np.mean(errors < 20) > 0.97
    assert sum(row["doubtful"] == "true" for row in rows) < 0.1 * COUNT


def test_averaged_writes_classes_and_averages(done):
    rows, out = rows_of(done / "out"), done / "out"
    classes = np.array([int(row["class"]) for row in rows])
    assert set(classes) == set(range(1, classes.max() + 1))
    assert all(0 < float(row["class_probability"]) <= 1 for row in rows)
    assert all(0 < float(row["rotation_sd_deg"]) < 30 for row in rows)
    assert all(0 < float(row["shift_sd_px"]) < 1 for row in rows)
    assert all(0 <= float(row["elsewhere"]) <= 1 for row in rows)
    with mrcfile.open(out / "averages.mrcs") as file:
        assert file.data.shape == (classes.max(), SIDE, SIDE)
        assert file.voxel_size.x == pytest.approx(2.5)
    with (out / "classes.csv").open() as file:
        found = list(csv.DictReader(file))
    assert [int(row["members"]) for row in found] == np.bincount(classes)[1:].tolist()
    assert all(float(row["resolution_angstrom"]) >= 5 for row in found)
    assert len((out / "frc.csv").read_text().splitlines()) == 1 + SIDE // 2
    star = (out / "poses.star").read_text()
    assert "_rlnClassNumber" in star
    assert np.load(out / "latents.npy").shape[0] == COUNT


def test_fit_align_again_does_nothing_at_once(done, capsys):
    assert command(done / "noisy.mrcs", done / "out") == 0
    said = capsys.readouterr().out
    assert "finished before, nothing to do" in said and "searching" not in said


@pytest.mark.parametrize("differs", ["--classes=1", "--config.seed=1", "--halves=apart"])
def test_what_is_asked_for_is_part_of_the_job(done, differs, monkeypatch):
    """The poses of another search are not taken for those of this one."""
    searched = []
    fit_align = importlib.import_module("avae_jax.alignment.fit_align")
    monkeypatch.setattr(fit_align, "averaged", lambda *given, **options: searched.append(options))
    monkeypatch.setattr(fit_align, "run", lambda *given: None)
    assert command(done / "noisy.mrcs", done / "out", differs) == 0
    assert len(searched) == 1


def test_averages_are_told_by_their_weights():
    """However they were asked for, which earlier versions did not say and later ones may reword."""
    job = {"weights": "a", "model": "b", "averages": {"seed": 0}}
    assert differences({"weights": "a", "model": "c"}, job) == []
    assert differences(job | {"averages": {"seed": 0, "more": 1}}, job) == []
    assert differences(job | {"weights": "c"}, job) == ["weights"]


@pytest.mark.parametrize(
    "flags, said",
    [
        (["--classes", "2", "--method", "model"], "--classes 2: wanted with --method averages"),
        (["--classes", "-1"], "--classes -1: wanted 1 or more"),
    ],
)
def test_fit_align_refuses_classes(flags, said, tmp_path, capsys):
    assert command(tmp_path / "x.npy", tmp_path / "out", *flags) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "stack, said",
    [
        (np.ones((9, 8, 8, 8, 2), np.float32), "volumes of 2 channels; --method"),
        (np.ones((3, 8, 8), np.float32), "3 examples; --method averages wants 4 or more"),
        (np.ones((9, 8, 8), np.float32), "all values are 1; images are wanted"),
    ],
)
def test_averaged_refuses_other_stacks(stack, said, tmp_path, capsys):
    np.save(tmp_path / "x.npy", stack)
    assert command(tmp_path / "x.npy", tmp_path / "out", "--method", "averages") == 2
    assert said in capsys.readouterr().err


def test_options_of_the_model_choose_the_model(done, monkeypatch):
    """Whoever sets an option of training wants a VAE trained."""
    called, fit_align = [], importlib.import_module("avae_jax.alignment.fit_align")
    monkeypatch.setattr(fit_align.loop, "train", lambda *given: called.append(given))
    monkeypatch.setattr(fit_align, "align", lambda *given: None)
    command(done / "noisy.mrcs", done / "other", "--config.train.steps=3")
    assert len(called) == 1


NOISY = VolumeCase("small", "chair", 0.5, 1, size=16, shift=1.0)


def assert_volumes_aligned(stack, folder, said):
    """By averages, which the command chose itself; all that it promises is there."""
    with mrcfile.new(folder / "noisy.mrc", data=stack.volumes) as file:
        file.voxel_size = 4.0
    assert command(folder / "noisy.mrc", folder / "out") == 0
    assert "Noise hides the objects" in said.readouterr().out
    rows = rows_of(folder / "out")
    assert len(rows) == 40 and all(0 < float(row["rotation_sd_deg"]) < 40 for row in rows)
    with mrcfile.open(folder / "out" / "averages.mrc") as file:
        assert file.data.shape[1:] == (16, 16, 16) and np.isfinite(file.data).all()
        assert file.voxel_size.x == pytest.approx(4.0)
    curve = (folder / "out" / "fsc.csv").read_text().splitlines()
    assert len(curve) == 1 + 8 and float(curve[1].split(",")[1]) > 0.8
    quaternions = [[float(row[f"quaternion_{a}"]) for a in "xyzw"] for row in rows]
    turned = Rotation.from_quat(quaternions).as_matrix()[:, ::-1, ::-1]
    shifts = [[float(row[f"shift_{a}_px"]) for a in "zyx"] for row in rows]
    return errors(stack, Found(turned, np.array(shifts), np.zeros(40, int)))


@pytest.mark.full
def test_noisy_volumes_are_aligned_by_averages(tmp_path, monkeypatch, capsys):
    """With few starts and rotations, to be quick."""
    for name, value in {"STARTS": 2, "FEW": 576, "MANY": 1152}.items():
        monkeypatch.setattr(volume_align, name, value)
    figures = assert_volumes_aligned(solids(NOISY, count=40, seed=3), tmp_path, capsys)
    assert figures["within20"] > 0.85 and figures["shift_px"] < 0.5


@pytest.mark.full
def test_volumes_get_the_poses_that_averages_find(tmp_path, monkeypatch, capsys):
    """`inference/averaging/volumes/test_align` finds poses; here they are the true ones."""
    stack, given = solids(NOISY, count=40, seed=3), []

    def known(volumes, *, seed, num_classes):
        given.append((volumes.shape, num_classes))
        return true_poses(stack)

    monkeypatch.setattr(class_averages, "align_volumes", known)
    figures = assert_volumes_aligned(stack, tmp_path, capsys)
    assert given == [(stack.volumes.shape, None)]
    assert figures["within20"] == 1 and figures["median_deg"] < 0.1 and figures["shift_px"] < 0.01


def true_poses(stack):
    """The alignment of a stack of one object, as the search for poses would give it."""
    count, side = len(stack.volumes), stack.case.size
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, :3] = np.swapaxes(stack.rotations, 1, 2)
    poses[:, :3, 3] = -np.einsum("nji,nj->ni", stack.rotations, stack.shifts) / (side / 2)
    return known_alignment(
        poses,
        np.zeros(count, int),
        stack.clean[..., None],
        shift_px=stack.shifts,
        gap_nats=np.full(count, 5.0),
    )
