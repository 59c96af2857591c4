"""Aligning by a model that draws one object, whose poses are therefore known."""

import csv
import functools
import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blobs import blobs, drawing
from scipy.spatial.transform import Rotation

from avae_jax.alignment import model_frame, output_dir, pose_table, programs, row_store
from avae_jax.alignment.align import align_by
from avae_jax.config.modes import Request
from avae_jax.config.options import DataOptions, EvalOptions, Options, SearchOptions
from avae_jax.core.errors import InputError
from avae_jax.data import precision
from avae_jax.data.intensity import Scaling
from avae_jax.data.resize import reframe
from avae_jax.inference.ambiguity import DOUBTFUL
from avae_jax.inference.search import resolve
from avae_jax.inference.trained import Trained
from avae_jax.models.objective import canonicalise
from avae_jax.transform.frame import coordinates, frame
from avae_jax.transform.matrices import affine, plane_rotation
from avae_jax.transform.warp import warp

COUNT = 7


@pytest.fixture(scope="module", autouse=True)
def quickly_compiled():
    """Programs run few times here: to optimise them would take longer than it saves."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


def turn(degrees, d=2, axes=(0, 1), shift=None):
    linear = plane_rotation(jnp.radians(jnp.float32(degrees)), axes, d)
    return affine(linear, jnp.zeros(d) if shift is None else jnp.float32(shift))


@functools.cache
def knowing(shape, name="rotation"):
    """A model that knows one object, and the search it uses."""
    image = blobs(shape)
    avae, params = drawing(image, name)
    search = resolve(SearchOptions(kind="even", starts=24, keep=2), avae.group)
    return Trained(params, avae, search, None, np.zeros((4, 2), np.float32)), image


def posed(image, poses):
    inner = frame(image.shape[:-1])
    move = jax.vmap(
        lambda pose: warp(image, pose, np.zeros(1, np.float32), source=inner, target=inner)
    )
    return np.asarray(move(jnp.stack(poses)))


def smooth(shape):
    """An object that linear interpolation hardly changes, `[*S, 1]`."""
    points = coordinates(frame(shape))
    places = np.array([[0.2, 0.25], [-0.3, 0.05], [0.05, -0.3]])
    heights = (1.0, 0.7, 0.4)
    parts = [
        height * np.exp(-((points - place) ** 2).sum(-1) / (2 * 0.22**2))
        for place, height in zip(places, heights, strict=True)
    ]
    return np.float32(sum(parts)[..., None])


def options(**data):
    return Options(data=DataOptions(**data), eval=EvalOptions(batch_size=4))


def lines(folder):
    with open(folder / "poses.csv", newline="") as file:
        return list(csv.DictReader(file))


def numbers_of(folder, name):
    return np.array([float(line[name]) for line in lines(folder)])


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """Seven turned objects of 16 bits, aligned."""
    folder = tmp_path_factory.mktemp("turned")
    trained, image = knowing((21, 21))
    angles = np.linspace(-170, 160, COUNT)
    stack = np.rint(posed(image, [turn(a) for a in angles])[..., 0] * 65535).astype(">u2")
    np.save(folder / "stack.npy", stack)
    request = Request(str(folder / "stack.npy"), folder / "out", reconstructions=True)
    align_by(trained, options(), request)
    return folder, angles, stack, image


def test_poses_and_their_inverses_are_found(turned):
    folder, angles, _, _ = turned
    np.testing.assert_allclose(numbers_of(folder / "out", "rotation_deg"), angles, atol=1.5)
    np.testing.assert_allclose(numbers_of(folder / "out", "align_rotation_deg"), -angles, atol=1.5)
    first = lines(folder / "out")[0]
    assert list(first) == [
        *("index", "name", "rotation_deg", "align_rotation_deg"),
        *("loss_before_nats", "loss_after_nats", "gap_nats", "doubtful"),
    ]
    assert first["index"] == "0" and first["name"] == "stack.npy[0]"
    assert first["doubtful"] == "false"
    assert float(first["loss_after_nats"]) < float(first["loss_before_nats"])
    assert float(first["gap_nats"]) > DOUBTFUL


def test_the_stack_is_aligned_in_its_own_type(turned):
    folder, _, _, image = turned
    aligned = np.load(folder / "out" / "stack.npy")
    assert aligned.dtype == ">u2" and aligned.shape == (COUNT, 21, 21)
    # Twice interpolated, so not the object to the last digit.
    assert np.abs(aligned / 65535 - image[None, ..., 0]).max() < 0.25
    assert np.load(folder / "out" / "latents.npy").shape == (COUNT, 2)
    drawn = np.load(folder / "out" / "reconstructions" / "stack.npy")
    assert drawn.dtype == ">u2"
    np.testing.assert_allclose(drawn[3] / 65535, image[..., 0], atol=1e-4)
    assert (folder / "out" / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert not (folder / "out" / "unfinished").exists()


def test_the_same_again_does_nothing_and_another_job_is_refused(turned, capsys):
    folder, _, stack, _ = turned
    trained, _ = knowing((21, 21))
    before = {path: path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()}
    request = Request(str(folder / "stack.npy"), folder / "out", reconstructions=True)
    align_by(trained, options(), request)
    assert "finished before, nothing to do" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"another job \(reconstructions differ\)"):
        align_by(trained, options(), request._replace(reconstructions=False))
    other = folder / "elsewhere"
    other.mkdir()
    np.save(other / "stack.npy", stack[::-1])
    with pytest.raises(InputError, match=r"another job \(contents differ\)"):
        align_by(trained, options(), request._replace(input=str(other / "stack.npy")))
    assert before == {p: p.read_bytes() for p in (folder / "out").rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("sides", "size", "scale", "seen"),
    [
        ((10007, 9000), 48, 0.004797, ""),  # as fit-align chooses it for this stack
        ((100, 60), 48, 0.48, ""),
        ((200, 60), 48, 0.48, "100 x 60"),
        ((29, 29), 28, 1.0, "28 x 28"),
        ((29, 29), 0, 1.0, ""),
    ],
)
def test_it_is_said_where_a_model_sees_only_the_middle(sides, size, scale, seen):
    stack, data = SimpleNamespace(example=(*sides, 1)), DataOptions(size=size, scale=scale)
    said = model_frame.cut_off(stack, data=data)
    assert (f"only the middle {seen} of each" in said) if seen else said == ""


def test_chunks_of_any_size_give_the_same(turned, tmp_path):
    folder, _, _, _ = turned
    trained, _ = knowing((21, 21))
    chosen = Options(eval=EvalOptions(batch_size=3))
    align_by(trained, chosen, Request(str(folder / "stack.npy"), tmp_path / "out"))
    one, other = (np.load(f / "stack.npy").astype(int) for f in (folder / "out", tmp_path / "out"))
    assert np.abs(one - other).max() <= 200
    for name in ("rotation_deg", "loss_after_nats"):
        np.testing.assert_allclose(
            numbers_of(folder / "out", name), numbers_of(tmp_path / "out", name), atol=0.05
        )


def test_what_was_interrupted_ends_in_the_same_bytes(turned, tmp_path, monkeypatch):
    folder, _, _, _ = turned
    trained, _ = knowing((21, 21))
    request = Request(str(folder / "stack.npy"), tmp_path / "out", reconstructions=True)
    write = row_store.Column.write

    def fails(self, start, rows):
        if start and self.path.stem == "latents":
            raise KeyboardInterrupt
        write(self, start, rows)

    with monkeypatch.context() as patch:
        patch.setattr(row_store.Column, "write", fails)
        with pytest.raises(KeyboardInterrupt):
            align_by(trained, options(), request)
    assert json.loads((tmp_path / "out" / "unfinished" / "done.json").read_text()) == 4
    align_by(trained, options(), request)
    names = ("stack.npy", "poses.csv", "latents.npy", "sheet.png", "reconstructions/stack.npy")
    for name in (*names, "align.json"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / "out" / name).read_bytes()


def test_volumes_have_quaternions(tmp_path):
    trained, image = knowing((11, 11, 11), "rotation_yx")
    angles = [12, -100]
    stack = posed(image, [turn(a, 3, (1, 2)) for a in angles])[..., 0]
    np.save(tmp_path / "stack.npy", stack.astype(np.float32))
    align_by(trained, options(), Request(str(tmp_path / "stack.npy"), tmp_path / "out"))
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "rotation_deg"), [12, 100], atol=4)
    # From y towards x is against the direction of x, y, z: the half angles change their sign.
    wanted = -np.sin(np.radians(angles) / 2)
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "quaternion_z"), wanted, atol=0.04)
    assert np.load(tmp_path / "out" / "stack.npy").shape == stack.shape


def test_quaternions_turn_points_written_x_y_z():
    poses = Rotation.random(5, rng=np.random.default_rng(0)).as_matrix()
    matrices = np.tile(np.eye(4), (5, 1, 1))
    matrices[:, :3, :3] = poses
    found = pose_table.columns(np.linalg.inv(matrices), frame((9, 9, 9)), ("rotation",))
    point = np.array([0.3, -0.2, 0.5])
    for prefix, where in (("", matrices), ("align_", np.linalg.inv(matrices))):
        each = np.stack([found[f"{prefix}quaternion_{name}"] for name in "xyzw"], axis=1)
        # Arrays have their axes in the order z, y, x.
        gone = (where[:, :3, :3] @ point[::-1])[:, ::-1]
        np.testing.assert_allclose(Rotation.from_quat(each).apply(point), gone, atol=1e-5)


def test_shifts_are_in_pixels_of_the_stack(tmp_path):
    trained, image = knowing((21, 21), "shift_x")
    # Coordinates are in halves of the longest side.
    poses = [turn(0, shift=[0, 2 / 10.5]), turn(0, shift=[0, -1 / 10.5])]
    np.save(tmp_path / "stack.npy", posed(image, poses))
    align_by(trained, options(), Request(str(tmp_path / "stack.npy"), tmp_path / "out"))
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "shift_x_px"), [2, -1], atol=0.1)
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "align_shift_x_px"), [-2, 1], atol=0.1)
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "shift_y_px"), [0, 0], atol=1e-4)


@pytest.mark.parametrize(
    "sides, size, scale",
    [((20, 20), 21, 1.0), ((21, 21), 20, 1.0), ((30, 22), 24, 1.0), ((41, 33), 21, 0.5)],
)
def test_a_pose_moves_a_stack_as_the_model_saw_it_moved(sides, size, scale):
    avae, _ = drawing(blobs((size, size)), "rigid")
    raw = smooth(sides) * 200
    data = DataOptions(size=size, scale=scale)
    own = frame(sides)
    into = model_frame.into_model(own, avae.inner, scale)
    seen = model_frame.Framing(own, into, Scaling(0, 200), np.zeros(1), data)
    pose = turn(35, shift=[0.08, -0.05])
    poses = model_frame.own_poses(np.asarray(pose)[None], seen).astype(np.float32)
    moved = programs.move(raw[None], poses, np.zeros(1, np.float32), own=own, interpolation="cubic")
    wanted = canonicalise(model_frame.shown(raw[None], seen)[0], pose, avae=avae)
    middle = (slice(3, -3),) * 2
    found = model_frame.shown(np.asarray(moved), seen)[0]
    assert np.abs(found - np.asarray(wanted))[middle].max() < 0.04


def test_what_the_model_draws_comes_back_to_the_stack():
    avae, _ = drawing(blobs((21, 21)), "rotation")
    own = frame((41, 33))
    raw = smooth((41, 33))
    into = model_frame.into_model(own, avae.inner, 0.5)
    fill = np.zeros(1, np.float32)
    drawn = reframe(raw[None], scale=0.5, size=21, fill=fill)
    how = {"source": avae.inner, "own": own, "interpolation": "linear"}
    back = programs.bring_back(drawn, jnp.asarray(into, jnp.float32), fill, **how)
    assert np.abs(np.asarray(back[0]) - raw)[4:-4, 4:-4].max() < 0.08


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_quarter_turn_moves_every_channel_exactly(channels):
    raw = np.random.default_rng(0).integers(0, 65535, (2, 9, 9, channels)).astype(np.float32)
    poses = np.stack([np.asarray(turn(90)), np.eye(3, dtype=np.float32)])
    fill = np.zeros(channels, np.float32)
    moved = programs.move(raw, poses, fill, own=frame((9, 9)), interpolation="linear")
    np.testing.assert_allclose(moved[0], np.rot90(raw[0]), atol=0.05)
    np.testing.assert_array_equal(precision.stored(np.asarray(moved[1]), np.dtype("u2")), raw[1])


def test_values_are_rounded_and_kept_in_range():
    values = np.array([-3.0, 0.49, 0.51, 254.6, 300.0], np.float32)
    np.testing.assert_array_equal(precision.stored(values, np.dtype("u1")), [0, 0, 1, 255, 255])
    np.testing.assert_array_equal(precision.stored(values, np.dtype("?")), [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(precision.stored(values, np.dtype(">f4")), values)


def test_a_column_keeps_what_was_written(tmp_path):
    column = row_store.Column(tmp_path / "x.npy", (5, 2), ">i2")
    column.write(1, np.array([[1, 2], [3, 4]]))
    again = row_store.Column(tmp_path / "x.npy", (5, 2), ">i2")
    np.testing.assert_array_equal(again.read(0, 4), [[0, 0], [1, 2], [3, 4], [0, 0]])
    np.testing.assert_array_equal(np.load(tmp_path / "x.npy")[2], [3, 4])


def claim(folder, job, names=("a.npy",), overwrite=False):
    return output_dir.claimed(folder, job, names, overwrite=overwrite)


def test_an_output_belongs_to_one_job(tmp_path):
    with claim(tmp_path, {"input": 1}) as made:
        assert made.done == 0 and made.finished is None
        made.done = 3
        with pytest.raises(InputError, match="another run is working in it"):
            with claim(tmp_path, {"input": 1}):
                pass
    with claim(tmp_path, {"input": 1}) as made:
        assert made.done == 3
    with pytest.raises(InputError, match=r"another job \(input differ\)"):
        with claim(tmp_path, {"input": 2}):
            pass
    with claim(tmp_path, {"input": 2}, overwrite=True) as made:
        assert made.done == 0
        (made.results() / "a.npy").write_text("x")
        made.finish({"examples": 1})
    with claim(tmp_path, {"input": 2}) as made:
        assert made.finished == {"examples": 1}


def test_files_of_somebody_else_are_not_written_over(tmp_path):
    (tmp_path / "a.npy").write_text("mine")
    with pytest.raises(InputError, match="holds a.npy already"):
        with claim(tmp_path, {"input": 1}):
            pass
    assert (tmp_path / "a.npy").read_text() == "mine"


def test_results_never_land_on_the_input(tmp_path):
    trained, image = knowing((21, 21))
    (tmp_path / "mine").mkdir()
    np.save(tmp_path / "mine" / "x.npy", image[None])
    for folder in (tmp_path / "mine", tmp_path / "mine" / ".." / "mine"):
        request = Request(str(tmp_path / "mine" / "x.npy"), folder, overwrite=True)
        with pytest.raises(InputError, match="another directory is wanted"):
            align_by(trained, options(), request)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["x.npy"]


@pytest.mark.parametrize(
    "shape, said",
    [
        ((3, 20, 21), "the model was trained on 21 x 21 x 1 with data.size=0"),
        ((3, 21, 21, 2), "the model was trained on 21 x 21 x 1"),
        ((3, 21, 21, 21), "the model was trained on 21 x 21 x 1"),
    ],
)
def test_other_examples_than_those_of_training_are_refused(shape, said, tmp_path):
    trained, _ = knowing((21, 21))
    np.save(tmp_path / "x.npy", np.zeros(shape, np.float32))
    with pytest.raises(InputError, match=said):
        align_by(trained, options(), Request(str(tmp_path / "x.npy"), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "fault, said",
    [
        (lambda x: x * 3, r"x.npy: values from .* to 3: model.likelihood=bernoulli"),
        (lambda x: np.where(x > 0.9, np.nan, x), "example 0 holds NaN"),
        (lambda x: (x * -9).astype(np.int16), "negative int16 values"),
    ],
)
def test_values_no_model_can_score_are_refused_before_compute(fault, said, tmp_path):
    trained, image = knowing((21, 21))
    scaled = image / image.max()
    np.save(tmp_path / "x.npy", fault(np.stack([scaled, scaled])))
    with pytest.raises(InputError, match=said):
        align_by(trained, options(), Request(str(tmp_path / "x.npy"), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_window_shows_the_model_any_range(tmp_path):
    trained, image = knowing((21, 21))
    stack = posed(image, [turn(50)])[..., 0] * 900 - 300
    np.save(tmp_path / "x.npy", np.rint(stack).astype(np.int16))
    chosen = options(window=(-300.0, 600.0))
    align_by(trained, chosen, Request(str(tmp_path / "x.npy"), tmp_path / "out"))
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "rotation_deg"), [50], atol=2)
    aligned = np.load(tmp_path / "out" / "x.npy")
    assert aligned.dtype == np.int16 and aligned[0, 0, 0] == -300
    assert np.abs(aligned[0] - (image[..., 0] * 900 - 300)).max() < 230


def test_the_name_of_a_result_is_no_name_for_a_stack(tmp_path):
    trained, image = knowing((21, 21))
    np.save(tmp_path / "latents.npy", image[None])
    request = Request(str(tmp_path / "latents.npy"), tmp_path / "out")
    with pytest.raises(InputError, match="rename the input"):
        align_by(trained, options(), request)
