"""Aligning by a model that draws one object, whose poses are therefore known."""

import importlib
import json
import types

import numpy as np
import pytest

from avae_jax.alignment import row_store
from avae_jax.alignment.align import align_by
from avae_jax.alignment.compute import compute
from avae_jax.config.modes import Request
from avae_jax.config.options import EvalOptions, Options
from avae_jax.core.errors import InputError
from avae_jax.inference.ambiguity import DOUBTFUL
from tests.support.alignment_cases import knowing, lines, numbers_of, options, posed, turn

pytestmark = pytest.mark.standard
COUNT = 7
# The function of that name hides the module.
ALIGN = importlib.import_module("avae_jax.alignment.align")


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


def test_align_finds_poses_and_their_inverses(turned):
    """Poses and their inverses are found."""
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


def test_align_writes_the_stack_in_its_own_dtype(turned):
    """The stack is aligned in its own type."""
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


def test_align_twice_does_nothing_and_refuses_another_job(turned, capsys):
    """The same again does nothing and another job is refused."""
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


@pytest.mark.full
def test_align_independent_of_chunk_size(turned, tmp_path):
    """Chunks of any size give the same."""
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


def test_align_resumed_gives_the_same_bytes(turned, tmp_path, monkeypatch):
    """What was interrupted ends in the same bytes."""
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
    names = (
        "stack.npy",
        "poses.csv",
        "latents.npy",
        "sheet.png",
        "index.html",
        "data.json",
        "align.json",
    )
    for name in (*names, "reconstructions/stack.npy"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / "out" / name).read_bytes()


@pytest.mark.full
def test_align_volumes_writes_quaternions(tmp_path):
    """Volumes have quaternions."""
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


@pytest.mark.full
def test_align_shifts_in_pixels_of_the_stack(tmp_path):
    trained, image = knowing((21, 21), "shift_x")
    # Coordinates are in halves of the longest side.
    poses = [turn(0, shift=[0, 2 / 10.5]), turn(0, shift=[0, -1 / 10.5])]
    np.save(tmp_path / "stack.npy", posed(image, poses))
    align_by(trained, options(), Request(str(tmp_path / "stack.npy"), tmp_path / "out"))
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "shift_x_px"), [2, -1], atol=0.1)
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "align_shift_x_px"), [-2, 1], atol=0.1)
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "shift_y_px"), [0, 0], atol=1e-4)


def test_align_refuses_results_on_the_input(tmp_path):
    """Results never land on the input."""
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
def test_align_refuses_shapes_other_than_trained(shape, said, tmp_path):
    """Other examples than those of training are refused."""
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
def test_align_refuses_values_no_model_can_score(fault, said, tmp_path):
    """Values no model can score are refused before compute."""
    trained, image = knowing((21, 21))
    scaled = image / image.max()
    np.save(tmp_path / "x.npy", fault(np.stack([scaled, scaled])))
    with pytest.raises(InputError, match=said):
        align_by(trained, options(), Request(str(tmp_path / "x.npy"), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.full
def test_align_window_takes_any_range(tmp_path):
    """A window shows the model any range."""
    trained, image = knowing((21, 21))
    stack = posed(image, [turn(50)])[..., 0] * 900 - 300
    np.save(tmp_path / "x.npy", np.rint(stack).astype(np.int16))
    chosen = options(window=(-300.0, 600.0))
    align_by(trained, chosen, Request(str(tmp_path / "x.npy"), tmp_path / "out"))
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "rotation_deg"), [50], atol=2)
    aligned = np.load(tmp_path / "out" / "x.npy")
    assert aligned.dtype == np.int16 and aligned[0, 0, 0] == -300
    assert np.abs(aligned[0] - (image[..., 0] * 900 - 300)).max() < 230


def test_align_refuses_a_stack_named_as_a_result(tmp_path):
    """The name of a result is no name for a stack."""
    trained, image = knowing((21, 21))
    np.save(tmp_path / "latents.npy", image[None])
    request = Request(str(tmp_path / "latents.npy"), tmp_path / "out")
    with pytest.raises(InputError, match="rename the input"):
        align_by(trained, options(), request)


def test_align_of_a_stack_that_changes_meanwhile_refused(turned, tmp_path, monkeypatch):
    """Overwritten in place, with the same size: some examples may be of it, some of the old one."""
    stack = tmp_path / "stack.npy"
    np.save(stack, turned[2])

    def overwritten(*given):
        compute(*given)
        np.save(stack, turned[2][::-1])

    monkeypatch.setattr(ALIGN, "compute", overwritten)
    request = Request(str(stack), tmp_path / "out", reconstructions=True)
    with pytest.raises(InputError, match="stack.npy: changed while it was aligned"):
        align_by(knowing((21, 21))[0], options(), request)
    assert not (tmp_path / "out" / "poses.csv").exists()


def test_require_room_says_how_much_there_is(turned, monkeypatch):
    work = types.SimpleNamespace(stack=types.SimpleNamespace(bytes=3000), reconstructions=False)
    usage = types.SimpleNamespace(free=5999)
    monkeypatch.setattr(ALIGN.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(InputError, match="0 MiB free on its disk; 1 are wanted"):
        ALIGN.require_room(work, turned[0], begun=False)
    ALIGN.require_room(work, turned[0], begun=True)
