"""`poses.star`: RELION's own definition of its columns gives what our poses give."""

import functools
import warnings

import jax
import mrcfile
import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from avae_jax.alignment import relion_star
from avae_jax.alignment.align import align_by
from avae_jax.config.modes import Request
from avae_jax.data.formats import open_stack
from avae_jax.transform.families import family
from avae_jax.transform.frame import frame
from avae_jax.transform.warp import warp
from tests.support.alignment_cases import knowing, numbers_of, options, posed, smooth, turn

starfile = pytest.importorskip("starfile", reason="reads STAR files back")


ANGSTROM = 1.35
# The matrix of RELION's angles is one of axes, not of objects: about z, then y, then z.
NAMES = {2: ("rlnAnglePsi",), 3: ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")}


def matrix_of(line, d):
    angles = [0.0] * (3 - len(NAMES[d])) + [-float(line[name]) for name in NAMES[d]]
    turned = Rotation.from_euler("zyz", angles, degrees=True)
    return turned.as_matrix()[:d, :d]


def as_relion_does(image, line):
    """An image `[*S]` shifted by its origin, then turned, about the pixel n // 2."""
    d = image.ndim
    origin = np.array([line[f"rlnOrigin{axis}Angst"] for axis in "XYZ"[:d]]) / ANGSTROM
    matrix = matrix_of(line, d)
    # Of x, y, z, while an array has z, y, x; scipy wants where each pixel comes from.
    pull, shift = matrix[::-1, ::-1], origin[::-1]
    middle = np.array(image.shape) // 2
    offset = middle - shift - pull @ middle
    return ndimage.affine_transform(image, pull, offset=offset, order=1)


def random_pose(d, rng):
    pose = np.eye(d + 1)
    if d == 3:
        pose[:d, :d] = Rotation.random(rng=rng).as_matrix()
    else:
        pose[:d, :d] = np.asarray(turn(rng.uniform(-180, 180)))[:d, :d]
    pose[:d, d] = rng.uniform(-0.15, 0.15, d)
    return pose


@pytest.mark.standard
@pytest.mark.parametrize("shape", [(32, 32), (33, 33), (20, 26), (16, 16, 16), (15, 15, 15)])
def test_columns_move_an_example_as_its_pose(shape):
    """Relion moves an example as its pose does."""
    rng, grid = np.random.default_rng(len(shape)), frame(shape)
    image = rng.random((*shape, 1)).astype(np.float32)
    image = ndimage.gaussian_filter(image, [1.5] * len(shape) + [0])
    poses = np.stack([random_pose(len(shape), rng) for _ in range(3)])
    found = relion_star.columns(poses, grid, angstrom=ANGSTROM)
    moved = jax.jit(functools.partial(warp, source=grid, target=grid))
    for number, pose in enumerate(poses):
        line = {name: column[number] for name, column in found.items()}
        wanted = moved(image, np.float32(pose), np.zeros(1, np.float32))
        made = as_relion_does(image[..., 0], line)
        # Where both look well inside of the example: what lies outside is each one's own.
        inside = as_relion_does(ndimage.binary_erosion(np.ones(shape), iterations=2) * 1.0, line)
        difference = np.abs(made - np.asarray(wanted)[..., 0])[inside > 0.999]
        assert difference.size > 50 and difference.max() < 1e-4


def test_columns_without_tilt_turn_about_z():
    """No tilt is a turn about z alone."""
    pose = np.eye(4)
    pose[:3, :3] = np.asarray(turn(30, 3, (1, 2)))[:3, :3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = relion_star.columns(np.linalg.inv(pose)[None], frame((9, 9, 9)), angstrom=1.0)
    assert found["rlnAngleTilt"] == pytest.approx(0, abs=0.1)
    assert found["rlnAngleRot"] + found["rlnAnglePsi"] == pytest.approx(30, abs=1e-3)


def stack_file(path, images, **header):
    with mrcfile.new(path) as file:
        file.set_data(images)
        if images.ndim == 3:
            file.set_image_stack()
        for name, value in header.items():
            setattr(file, name, value)
    return path


@pytest.mark.full
def test_star_of_images_in_angstrom(tmp_path, capsys, monkeypatch):
    """A stack of images has its poses in angstrom."""
    monkeypatch.chdir(tmp_path)
    trained, image = knowing((21, 21))
    angles = [-120, 15, 170]
    images = np.float32(posed(image, [turn(angle) for angle in angles])[..., 0])
    stack_file("of ours.mrcs", images, voxel_size=ANGSTROM)
    align_by(trained, options(), Request("of ours.mrcs", tmp_path / "out"))
    tables = starfile.read(tmp_path / "out" / "poses.star")
    optics, lines = tables["optics"], tables["particles"]
    assert optics["rlnImagePixelSize"].item() == pytest.approx(ANGSTROM)
    assert optics["rlnImageSize"].item() == 21 and optics["rlnImageDimensionality"].item() == 2
    assert list(lines["rlnImageName"]) == [f"{n:06d}@of ours.mrcs" for n in (1, 2, 3)]
    assert list(lines["rlnOpticsGroup"]) == [1, 1, 1]
    found = numbers_of(tmp_path / "out", "rotation_deg")
    np.testing.assert_allclose(lines["rlnAnglePsi"], found, atol=1e-4)
    np.testing.assert_allclose(lines["rlnAnglePsi"], angles, atol=1.5)
    for number, line in lines.iterrows():
        aligned = as_relion_does(images[number], line)
        assert np.abs(aligned - image[..., 0])[4:-4, 4:-4].max() < 0.25
    assert "poses.star" in capsys.readouterr().out


@pytest.mark.full
def test_star_of_volumes_names_their_files(tmp_path):
    """Volumes in files of their own are named by them."""
    trained, image = knowing((11, 11, 11), "rotation_yx")
    (tmp_path / "mine").mkdir()
    for number, angle in enumerate((12, -100)):
        volume = np.float32(posed(image, [turn(angle, 3, (1, 2))])[0, ..., 0])
        stack_file(tmp_path / "mine" / f"{number}.mrc", volume[None], voxel_size=2.0)
    align_by(trained, options(), Request(str(tmp_path / "mine"), tmp_path / "out"))
    lines = starfile.read(tmp_path / "out" / "poses.star")["particles"]
    assert list(lines["rlnImageName"]) == [str(tmp_path / "mine" / f"{n}.mrc") for n in (0, 1)]
    around = lines["rlnAngleRot"] + lines["rlnAnglePsi"]
    np.testing.assert_allclose(around, [12, -100], atol=4)
    assert {"rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst"} <= set(lines)


@pytest.mark.standard
def test_notes_say_what_is_missing_or_assumed(tmp_path):
    """What is missing or assumed is said."""
    images = np.float32(np.tile(smooth((12, 12))[..., 0], (2, 1, 1)))
    size = np.rec.array((2.0, 1.0, 1.0), dtype=[(axis, "f4") for axis in "xyz"])
    paths = [
        stack_file(tmp_path / "known.mrcs", images, voxel_size=1.5),
        stack_file(tmp_path / "unknown.mrcs", images),
        stack_file(tmp_path / "oblong.mrcs", images, voxel_size=size),
        tmp_path / "x.npy",
    ]
    np.save(paths[-1], images)
    said, fits = [], []
    for path in paths:
        with open_stack(str(path)) as stack:
            said.append(relion_star.notes(stack, family("rigid", 2), reflect=False))
            fits.append(relion_star.fits(stack))
            more = relion_star.notes(stack, family("affine", 2), reflect=True)
            assert (len(more) - len(said[-1])) == (path.name in ("known.mrcs", "unknown.mrcs"))
    assert fits == [True, True, False, False]
    assert said[0] == said[3] == []
    assert "takes 1 Angstrom a pixel" in said[1][0] and "does not say its own" in said[1][0]
    assert "pixels of 1, 2 Angstrom" in said[2][0]
    assert (
        "scale, shear, mirror image is in poses.csv"
        in relion_star.notes(_opened(paths[0]), family("affine", 2), reflect=True).pop()
    )


def _opened(path):
    with open_stack(str(path)) as stack:
        return stack
