"""Pixels that were not observed: recognised, kept out of everything, written as they were."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.alignment import programs
from avae_jax.alignment.auto_options import suited
from avae_jax.alignment.levels import Levels, raised
from avae_jax.alignment.stack_statistics import survey
from avae_jax.config import files
from avae_jax.config.options import DataOptions, Options, SearchOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load
from avae_jax.data.formats import open_stack
from avae_jax.data.missing import Missing, ends_of, recognised
from avae_jax.data.nodata import number_of
from avae_jax.inference.find_poses import build_bank, find_poses
from avae_jax.inference.proposals.template_bank import score_templates
from avae_jax.inference.search import resolve_search
from avae_jax.models.likelihoods import log_probabilities
from avae_jax.models.objective import elbo, predict, turned
from avae_jax.models.observed import moved
from avae_jax.transform import identity, make_frame, random_pose, warp
from tests.support.single_object import blobs, drawing

pytestmark = pytest.mark.standard

LOWEST, LOWEST_64 = float(np.finfo("f4").min), float(np.finfo("f8").min)


def images(dtype="f4", top=1.0):
    return (np.random.default_rng(0).random((40, 12, 12)) * top).astype(dtype)


def bordered(stack, value):
    """`stack` with `value` in its first row and column of every example."""
    stack = stack.copy()
    stack[:, 0], stack[:, :, 0] = value, value
    return stack


def saved(stack, folder):
    np.save(folder / "x.npy", stack)
    return f"stack:{folder / 'x.npy'}"


RECOGNISED = [
    ("f4", 1, LOWEST),
    ("f4", 1, -3.4e38),
    ("f4", 1, np.finfo("f4").max),
    ("f8", 1, LOWEST_64),
    ("f4", 300, -9999),
    ("f4", 8000, -9999),
    ("f4", 1, -999),
    ("f4", 1, 1e20),
    ("f4", 1, -1e6),
    ("i2", 3000, -32768),
    ("i2", 3000, -9999),
    ("i4", 3000, -(2**31)),
    ("i1", 90, -128),
    (">f4", 50, -32768),
    ("f2", 1, -65504),
]


@pytest.mark.parametrize("dtype, top, value", RECOGNISED)
def test_a_number_far_outside_of_all_others_stands_for_what_was_not_observed(
    dtype, top, value, tmp_path
):
    whole, holed = images(dtype, top), bordered(images(dtype, top), value)
    loaded = load(DataOptions(source=saved(holed, tmp_path)), seed=0)
    assert (
        loaded.masked and np.isnan(loaded.train[:, 0]).all() and np.isnan(loaded.test[:, 0]).all()
    )
    found = looked(tmp_path / "x.npy")
    assert found.gone == 920 and found.largest <= top and np.isnan(found.mean).sum() == 23
    plain = load(DataOptions(source=saved(whole, tmp_path)), seed=0)
    assert not plain.masked
    np.testing.assert_array_equal(loaded.train[:, 1:, 1:], plain.train[:, 1:, 1:])
    assert 0 < loaded.fill < loaded.train[:, 1:, 1:].max()
    (said,) = [note for note in loaded.notes if note.startswith("Not observed: 920 of 5,760")]
    assert f"{value:g}"[:6] in said and "data.nodata=none" in said


@pytest.mark.parametrize(
    "stack",
    [
        images("f4"),
        images("u2", 300) * np.uint16(1),
        bordered(images("u2", 300), 65535),  # a detector that is saturated
        bordered(images("f4", 300), 65535),
        bordered(images("f4"), -1),
        bordered(images("f4", 3000) - 1000, -1024),  # air, in Hounsfield units
        np.where(images() > 0.5, np.float32(-9999), 0),  # two values, whatever they are
        np.where(images() > 0.5, 255, 0).astype("u1"),
    ],
    ids=str,
)
def test_numbers_that_are_measurements_stay(stack):
    assert recognised(ends_of(stack), stack.dtype) is None


def test_one_odd_number_is_none(tmp_path):
    stack = images()
    stack[3, 4, 5] = -9999
    assert recognised(ends_of(stack), stack.dtype) is None
    stack[7, 4, 5] = -9999
    ends = ends_of(stack[:20], ends_of(stack[20:]))
    assert recognised(ends, stack.dtype) == -9999
    assert recognised(ends_of(stack[4:], ends_of(stack[:4])), stack.dtype) == -9999


def chosen(stack, folder, *overrides):
    saved(stack, folder)
    given = files.to_options(files.apply_overrides(files.load_file("stack"), overrides))
    with open_stack(str(folder / "x.npy")) as opened:
        return suited(given, opened, untouched=frozenset(["data.window"]))[0].data.window


@pytest.mark.parametrize("top, value", [(0.2, LOWEST), (0.2, -9999), (900, -32768), (900, np.nan)])
def test_the_window_is_that_of_what_was_observed(top, value, tmp_path):
    holed = bordered(images(top=top), value)
    window = chosen(holed, tmp_path, *["data.nan=fill"] * int(np.isnan(value)))
    assert window == chosen(images(top=top)[:, 1:, 1:], tmp_path)


def test_options_say_what_stands_for_it_and_what_does_not(tmp_path):
    source = saved(bordered(images(top=50), 77), tmp_path)
    assert not load(DataOptions(source=source), seed=0).masked
    assert np.isnan(load(DataOptions(source=source, nodata=77.0), seed=0).train[:, 0]).all()
    source = saved(bordered(images(), LOWEST), tmp_path)
    # As it is printed.
    assert np.isnan(load(DataOptions(source=source, nodata=-3.40282e38), seed=0).train[:, 0]).all()
    assert load(DataOptions(source=source, nodata="none"), seed=0).train.min() == LOWEST
    notes = load(DataOptions(source=source, nodata=5.0), seed=0).notes
    assert "No pixel holds data.nodata." in notes


@pytest.mark.parametrize("text, wanted", [("-9999", -9999.0), ("0.5", 0.5), ("none", "none")])
def test_the_command_line_takes_numbers_and_words(text, wanted):
    given = files.apply_overrides(files.to_config(Options()), [f"data.nodata={text}"])
    assert files.to_options(given).data.nodata == wanted
    for wrong in ("data.nodata=nothing", "data.nodata=nan", "data.nan=keep"):
        with pytest.raises(InputError, match=wrong.split("=")[0]):
            files.to_options(files.apply_overrides(files.to_config(Options()), [wrong]))


def test_nan_is_refused_by_name_with_the_way_out_and_taken_where_said(tmp_path):
    stack = images()
    stack[17, :3] = np.nan
    for look in (
        lambda: chosen(stack, tmp_path),
        lambda: load(DataOptions(source=saved(stack, tmp_path)), seed=0),
        lambda: looked(tmp_path / "x.npy"),
    ):
        with pytest.raises(InputError, match=r"example 17 holds NaN.*data\.nan=fill"):
            look()
    loaded = load(DataOptions(source=saved(stack, tmp_path), nan="fill"), seed=0)
    assert np.isnan(loaded.train).sum() + np.isnan(loaded.test).sum() == 36
    stack[5, 5, 5] = np.inf
    with pytest.raises(InputError, match="example 5 holds NaN or infinity"):
        load(DataOptions(source=saved(stack, tmp_path), nan="fill"), seed=0)
    with pytest.raises(InputError, match="no pixel was observed"):
        load(DataOptions(source=saved(stack * np.nan, tmp_path), nan="fill"), seed=0)


def looked(path, **data):
    with open_stack(str(path)) as stack:
        return survey(stack, DataOptions(**data))


def tiff(path, stack, value):
    pytest.importorskip("tifffile").imwrite(path, stack, extratags=[(42113, "s", 0, value, True)])


def hdf5(path, stack, value, name="_FillValue"):
    with pytest.importorskip("h5py").File(path, "w") as file:
        file["x"] = stack
        file["x"].attrs[name] = value


def nifti(path, stack, value):
    nibabel = pytest.importorskip("nibabel")
    volumes = np.repeat(stack.transpose(1, 2, 0)[:, :, None, :], 12, 2)
    nibabel.save(nibabel.Nifti1Image(volumes, np.eye(4)), path)


@pytest.mark.parametrize(
    "make, name, dtype, value, said",
    [
        (tiff, "x.tif", "f4", 0.25, "0.25"),
        (tiff, "x.tif", "u2", 65535, "65535 "),
        (tiff, "x.tif", "f4", np.nan, "nan"),
        (hdf5, "x.h5", "f4", 1e20, np.float32(1e20)),
        (hdf5, "x.h5", "i2", 12345, np.array([12345], "i2")),
        (functools.partial(hdf5, name="missing_value"), "x.h5", "f4", 3, 3.0),
        (functools.partial(hdf5, name="BLANK"), "x.h5", "i4", 700, 700),
        (hdf5, "x.h5", "f4", np.nan, np.nan),
        (nifti, "x.nii", "f4", np.nan, None),
    ],
)
def test_what_a_file_says_itself_is_taken(make, name, dtype, value, said, tmp_path):
    stack = bordered(images(dtype, 1 if dtype == "f4" else 200), value)
    make(tmp_path / name, stack, said)
    loaded = load(DataOptions(source=f"stack:{tmp_path / name}"), seed=0)
    gone = np.isnan(loaded.train)
    assert loaded.masked and gone[:, 0].all() and not gone[:, 1:, 1:].any()
    found = looked(tmp_path / name)
    assert found.gone == stack[0].size * 23 / 144 * 40 * (12 if make is nifti else 1)
    assert found.largest < 201 and np.isnan(found.mean).sum() * 40 == found.gone


@pytest.mark.parametrize("text", ["-9999", b"-9999\0", " -9999,0 ", np.array([-9999.0]), [-9999]])
def test_tags_are_numbers_in_many_forms(text):
    assert number_of(text) == -9999


@pytest.mark.parametrize("text", ["", "none", "inf", None, [1, 2], np.zeros((2, 2)), b"\xff"])
def test_tags_that_are_no_numbers_say_nothing(text):
    assert number_of(text) is None


def test_a_smaller_frame_is_made_of_what_was_observed(tmp_path):
    holed = bordered(np.full((40, 12, 12), 0.75, "f4") - images() * 1e-3, -9999)
    options = DataOptions(source=saved(holed, tmp_path), size=6, scale=0.5, fill=0.0)
    train = load(options, seed=0).train
    gone = np.isnan(train)
    assert 0 < gone.mean() < 0.5 and gone.any() and not gone[:, 1:-1, 1:-1].any()
    # Where a pixel was half observed it is no mixture with the fill of what was not.
    assert train[:, 1:-1, 1:-1].min() > 0.74


def observation(avae, image):
    pose = random_pose(jax.random.key(3), avae.group, avae.ranges)
    return warp(jnp.asarray(image), pose, avae.fill, source=avae.inner, target=avae.inner)


def test_what_was_not_observed_pays_no_likelihood():
    avae, params = drawing(blobs((8, 8)), "rotation")
    masked, pose = avae._replace(masked=True), identity(2)
    x = observation(avae, blobs((8, 8)))
    holed = x.at[:3, :2].set(jnp.nan)
    score = jax.jit(functools.partial(elbo, params, None, avae=masked))
    mean = jax.jit(functools.partial(predict, params, None, avae=masked))(holed, pose).mean
    full, empty = log_probabilities(mean)
    each = -(x * full + (1 - x) * empty)
    by_hand = each.sum() - each[:3, :2].sum()
    np.testing.assert_allclose(score(holed, pose).nll, by_hand, rtol=1e-5)
    whole = jax.jit(functools.partial(elbo, params, None, avae=avae))(x, pose).nll
    np.testing.assert_allclose(score(x, pose).nll, whole, rtol=1e-6)

    def loss(params, pose):
        return sum(elbo(params, None, holed, pose, avae=masked))

    slopes = jax.jit(jax.grad(loss, (0, 1)))(params, pose)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slopes))


@pytest.mark.full
def test_the_pose_of_an_object_whose_corner_was_not_observed_is_that_of_the_whole():
    image = blobs((12, 12))
    avae, params = drawing(image, "rotation")
    masked = avae._replace(masked=True)
    options = resolve_search(SearchOptions(prototypes=1, turns=32, starts=4), avae.group)
    build = jax.jit(functools.partial(build_bank, avae=avae, options=options))
    bank = build(params, jnp.zeros((1, 2)))
    x = observation(avae, image)
    holed = x.at[:4, :4].set(jnp.nan)
    find = jax.jit(functools.partial(find_poses, avae=masked, options=options))
    keys = jax.random.split(jax.random.key(0), 2)
    whole, part = find(params, keys, jnp.stack([x, holed]), bank=bank).pose
    np.testing.assert_allclose(part, whole, atol=0.02)
    same = [
        jax.jit(functools.partial(score_templates, avae=a))(bank, x).logits for a in (avae, masked)
    ]
    np.testing.assert_allclose(*same, atol=1e-4)


@pytest.mark.parametrize(
    "dtype, missing", [("i2", Missing(-32768)), ("f4", Missing(LOWEST)), ("f4", Missing(nan=True))]
)
def test_results_hold_the_same_where_nothing_was_observed_and_it_moves_along(dtype, missing):
    own, quarter = make_frame((9, 9)), np.eye(3, dtype="f4")
    quarter[:2, :2] = [[0, -1], [1, 0]]
    raw = np.full((1, 9, 9, 1), 100, "f4")
    raw[:, 0] = np.nan
    move = functools.partial(programs.move, own=own, interpolation="linear", masked=True)
    moved = np.asarray(jax.jit(move)(raw, quarter[None], jnp.zeros(1)))
    aligned = raised(moved, Levels(raw, None), np.dtype(dtype), missing=missing)
    assert aligned.dtype == dtype
    gone = aligned[0, ..., 0] == missing.written if missing.value else np.isnan(aligned[0, ..., 0])
    assert gone.sum() == 9 and (gone[:, 0].all() or gone[:, -1].all())
    assert (aligned[0, ..., 0][~gone] == 100).all()


# Shares of new pixels: in an observed pixel, in one that was not, outside of the image.
SHARES = np.float32(
    [[1, 0, 0], [0.75, 0.25, 0], [0.5, 0.5, 0], [0.25, 0.75, 0], [0.5, 0.25, 0.25], [0, 0, 1]]
)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("value", "mixed"), [(8.0, (0.5 * 8 + 0.25 * 2) / 0.75), (1e-12, 0.25 * 2 / 0.75)]
)
def test_moved_pixels_are_of_what_was_observed(value, mixed):
    """None is where this is less than half; one that was wholly observed keeps every digit."""

    def move(image, fill):
        return SHARES[:, :2] @ image + SHARES[:, 2:] @ fill[None]

    x, fill = jnp.float32([[value], [jnp.nan]]), jnp.float32([2])
    found = jax.jit(functools.partial(moved, move=move))(x, fill)[:, 0]
    np.testing.assert_allclose(found, [value, value, value, np.nan, mixed, 2], atol=1e-6)
    assert found[0] == np.float32(value)


def test_training_poses_turn_what_was_not_observed_along():
    avae, _ = drawing(blobs((8, 8)), "rotation")
    x = jnp.full((8, 8, 1), 0.5).at[:, 0].set(jnp.nan)
    half = jnp.diag(jnp.float32([-1, -1, 1]))
    gone = np.isnan(jax.jit(functools.partial(turned, avae=avae._replace(masked=True)))(x, half))
    assert gone[:, -1].all() and gone.sum() == 8
