"""STAR files: the images that a table names, and the table with new poses."""

import io
import warnings

import mrcfile
import numpy as np
import pytest
import starfile

from avae_jax.alignment import relion_star
from avae_jax.alignment.results import names_of
from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack
from tests.support.written_stacks import opened, refused

COUNT, SIDES = 6, (8, 9)
IMAGES = np.random.default_rng(0).integers(0, 250, (COUNT, *SIDES)).astype(np.uint8)


def save_mrcs(path, images, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    with mrcfile.new(path, overwrite=True) as file, warnings.catch_warnings():
        file.set_data(np.asarray(images, "f4"))
        if images.ndim == 3 and not how.get("volume"):
            file.set_image_stack()
        file.voxel_size = 3.5
    return path


NEW = """
# version 30001

data_optics

loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnImagePixelSize #3
_rlnVoltage #4
1 "first one" 1.25 300.0
2 other 9.0 300.0


# version 30001

data_particles

loop_
_rlnAngleRot #1
_rlnImageName #2
_rlnOpticsGroup #3
_rlnOriginXAngst #4
_rlnMicrographName #5
"""
ROWS = (
    "33.0 000002@a/x.mrcs 1 5.5 'mic 1.mrc'",
    "34.0 1@b.mrcs 1 5.5 m2.mrc  # seen twice",
    "35.0 000003@a/x.mrcs 1 5.5 m3.mrc",
    "",
    "36.0 000002@b.mrcs 1 5.5 m4.mrc",
)
AFTER = "\n# version 30001\n\ndata_more\n\n_rlnOther 1\n"
OLD = """data_

loop_
_rlnImageName #1
_rlnOriginX #2
_rlnDetectorPixelSize #3
_rlnMagnification #4
000002@a/x.mrcs 4.0 5.0 40000
000001@b.mrcs 4.0 5.0 40000
000003@a/x.mrcs 4.0 5.0 40000
000002@b.mrcs 4.0 5.0 40000
"""
WANTED = IMAGES[[1, 3, 2, 4]].astype("f4")


def save_star(folder, text, *, volume=False):
    save_mrcs(folder / "a" / "x.mrcs", IMAGES[:3], volume=volume)
    save_mrcs(folder / "b.mrcs", IMAGES[3:], volume=volume)
    (folder / "p.star").write_text(text)
    return folder / "p.star"


def poses(angle, count=4):
    turn = np.eye(3)
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return np.tile(turn, (count, 1, 1))


def with_poses(path, folder, angle=0.5):
    """The table given back, as `starfile` reads it."""
    from avae_jax.transform import frame

    with open_stack(str(path)) as stack:
        found = relion_star.columns(
            poses(angle), frame(SIDES), angstrom=relion_star.pixel_size(stack)
        )
        parts = [{k: v[:3] for k, v in found.items()}, {k: v[3:] for k, v in found.items()}]
        relion_star.write(folder / "made.star", stack, parts)
    return starfile.read(folder / "made.star"), found


@pytest.mark.parametrize("volume", [False, True])
@pytest.mark.parametrize("here", [False, True])
@pytest.mark.parametrize("text", [NEW + "\n".join(ROWS) + "\n" + AFTER, OLD])
def test_a_star_file_is_the_images_it_names(text, here, volume, tmp_path, monkeypatch):
    path = save_star(tmp_path / "in", text, volume=volume)
    if here:
        monkeypatch.chdir(tmp_path / "in")
    with open_stack("p.star" if here else str(path)) as stack:
        np.testing.assert_array_equal(stack.read(0, 4), WANTED)
        np.testing.assert_array_equal(stack.read(2, 3), WANTED[2:3])
        assert stack.pixel == (1.25, 1.25) and stack.result_name == "p.mrcs"
        assert "p.mrcs" in names_of(stack, reconstructions=False)
        assert relion_star.NAME in names_of(stack, reconstructions=False)
        stack.write(tmp_path / "p.mrcs", [WANTED[:1] + 1, WANTED[1:] + 1])
    with mrcfile.open(tmp_path / "p.mrcs") as file:
        np.testing.assert_array_equal(file.data, WANTED + 1)
        assert file.is_image_stack() and file.voxel_size.x == file.voxel_size.y == 1.25
        assert np.isclose(file.header.dmean, WANTED.mean() + 1)
    assert mrcfile.validate(tmp_path / "p.mrcs", print_file=io.StringIO())


def test_a_table_gets_the_poses_and_keeps_everything_else(tmp_path):
    path = save_star(tmp_path, NEW + "\n".join(ROWS) + "\n" + AFTER)
    made, found = with_poses(path, tmp_path)
    assert list(made) == ["optics", "particles", "more"] and made["more"]["rlnOther"] == 1
    assert made["optics"]["rlnOpticsGroupName"].tolist() == ["first one", "other"]
    table = made["particles"]
    wanted = [f"{n:06d}@{tmp_path / name}" for n, name in ((2, "a/x.mrcs"), (1, "b.mrcs"))]
    assert table["rlnImageName"].tolist()[:2] == wanted
    assert table["rlnMicrographName"].tolist() == ["mic 1.mrc", "m2.mrc", "m3.mrc", "m4.mrc"]
    for name, column in found.items():
        np.testing.assert_allclose(table[name].astype(float), column, atol=1e-6)
    # An angle out of the plane belonged to the poses that were there before.
    assert (table["rlnAngleRot"] == 0).all() and table["rlnOpticsGroup"].tolist() == [1] * 4
    # What is given back is a table like any other.
    np.testing.assert_array_equal(opened(tmp_path / "made.star"), WANTED)


def test_a_table_of_old_has_its_origins_in_pixels(tmp_path):
    made, found = with_poses(save_star(tmp_path, OLD), tmp_path)
    np.testing.assert_allclose(made["rlnOriginX"], found["rlnOriginXAngst"] / 1.25, atol=1e-6)
    assert "rlnOriginXAngst" not in made and "rlnAnglePsi" in made


def test_origins_in_angstrom_are_replaced_also_without_optics(tmp_path):
    made, found = with_poses(save_star(tmp_path, OLD.replace("OriginX", "OriginXAngst")), tmp_path)
    np.testing.assert_allclose(made["rlnOriginXAngst"], found["rlnOriginXAngst"], atol=1e-6)
    assert "rlnOriginX" not in made


def test_names_that_lead_somewhere_from_here_stay_as_they_are(tmp_path, monkeypatch):
    save_star(tmp_path, OLD)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job").mkdir()
    (tmp_path / "p.star").rename("job/p.star")
    made, _ = with_poses("job/p.star", tmp_path)
    assert made["rlnImageName"][1] == "000001@b.mrcs"


def test_a_star_file_of_volumes(tmp_path):
    volumes = np.random.default_rng(3).normal(size=(3, 8, 8, 8)).astype("f4")
    for k, volume in enumerate(volumes):
        save_mrcs(tmp_path / f"{k}.mrc", volume, volume=True)
    lines = "".join(f"{k}.mrc\n" for k in (2, 0, 1))
    (tmp_path / "p.star").write_text("data_\nloop_\n_rlnImageName\n" + lines)
    with open_stack(str(tmp_path / "p.star")) as stack:
        np.testing.assert_array_equal(stack.read(0, 3), volumes[[2, 0, 1]])
        assert stack.pixel == (3.5,) * 3
        stack.write(tmp_path / "p.mrcs", [volumes])
    np.testing.assert_array_equal(opened(tmp_path / "p.mrcs"), volumes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OLD.replace("b.mrcs", "c.mrcs"), r"names c.mrcs, and there is no file c.mrcs or .*c.mrcs"),
        (OLD.replace("000002@b", "000009@b"), "names image 9 of .*b.mrcs, which holds 3"),
        (OLD.replace("000002@b", "0@b"), "image 0@b.mrcs; a number from 1"),
        (OLD.replace("000002@b", "x@b"), "image x@b.mrcs"),
        (OLD.replace("000002@b", "b"), r"names .*b.mrcs, which holds 3 images; 000001@"),
        (OLD.replace("@b.mrcs 4.0", "@b.mrcs 4.0 7", 1), "line 9 has 5 words; 4, one for each"),
        (OLD.replace("rlnImageName", "rlnMicrographName"), r"data_ in it; one table of images"),
        (OLD.replace("5.0 40000", "5.0 50000", 1), "pixels of 1, 1.25 Angstrom"),
        (OLD.replace("5.0", "nan"), "rlnDetectorPixelSize nan; a number above 0"),
        ("data_\n", "no tables in it; one table of images"),
        ("", "p.star"),
    ],
)
def test_star_files_that_cannot_be_used_are_one_sentence(text, words, tmp_path):
    path = save_star(tmp_path, text)
    with pytest.raises(InputError, match=words):
        opened(path)


def test_images_of_a_table_are_of_one_size(tmp_path):
    path = save_star(tmp_path, OLD)
    save_mrcs(tmp_path / "b.mrcs", IMAGES[3:, :, 1:])
    assert "b.mrcs: 8 x 8 of float32, but" in refused(path)


# Labels
