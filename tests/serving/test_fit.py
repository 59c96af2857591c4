"""Tests of `avae_jax.fit`: from an array in memory to a model."""

import contextlib
import copy
import io
import pickle

import jax
import numpy as np
import pytest

import avae_jax
from avae_jax import main
from avae_jax.config.keywords import with_keywords
from avae_jax.config.options import Options, values
from tests.support.small_fit import SMALL, clubs

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


def fitted(images, **given):
    return avae_jax.fit(images, **{**SMALL, "progress": False, **given})


@pytest.fixture(scope="module")
def posed(for_an_optimiser):
    return fitted(clubs())


def same_weights(one, other):
    leaves = (jax.tree.leaves(each.trained.params) for each in (one, other))
    return all(np.array_equal(a, b) for a, b in zip(*leaves, strict=True))


def test_fit_gives_the_weights_of_the_command_line(posed, tmp_path):
    np.save(tmp_path / "clubs.npy", clubs())
    named = values(with_keywords(Options(), SMALL)[0])
    plain = values(Options())
    given = [name for name in named if named[name] != plain[name] or name == "search.preset"]
    texts = {name: str(named[name]).strip("()").rstrip(",").lower() for name in given}
    words = ["--mode", "fit-align", "--method", "model", "--input", str(tmp_path / "clubs.npy")]
    words += ["--output", str(tmp_path / "out")]
    words += [f"--config.{name}={text}" for name, text in texts.items()]
    assert main.main(words) == 0
    assert same_weights(posed, avae_jax.Posed.load(tmp_path / "out" / "model"))


def test_fit_writes_nothing_without_a_work_directory(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    made = fitted(clubs())
    made.transform(clubs())
    assert not list(tmp_path.rglob("*"))
    assert capsys.readouterr() == ("", "")


STILL = np.eye(3, dtype=np.float32)


@pytest.mark.full_cases("<lambda>3", "<lambda>4")
@pytest.mark.parametrize(
    "changed",
    [
        lambda x: x.astype(np.float64).tolist(),
        lambda x: x.astype(np.int64)[..., None],
        lambda x: x > 100,
        lambda x: np.float16(np.stack([x, x // 2, x], -1) / 255),
        lambda x: x[:, 1:],
    ],
)
def test_fit_any_type_and_shape(changed):
    images = changed(clubs())
    made = fitted(images)
    moved = made.transform(images, poses=np.stack([STILL] * len(images)))
    assert moved.shape == np.shape(images) and moved.dtype == np.asarray(images).dtype
    np.testing.assert_allclose(moved, np.asarray(images), atol=1e-3)


@pytest.mark.full
def test_fit_volumes():
    images = np.repeat(clubs(16, 6)[:, None], 6, 1)  # [n, D, H, W]
    made = fitted(images, steps=2)
    assert made.pose(images[:3]).shape == (3, 4, 4)


def test_fit_sees_the_same_in_other_types(posed):
    """A byte of the whole range, and the same as numbers from 0 to 1."""
    assert same_weights(posed, fitted(clubs() / np.float32(255)))
    assert np.isfinite(posed.encode(clubs()[:3])).all()


def test_posed_of_a_fit_is_kept_whole(posed, tmp_path):
    images = clubs()[:5]
    posed.save(tmp_path / "model.npz")
    loaded = avae_jax.Posed.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.transform(images), posed.transform(images))
    for other in (loaded, copy.deepcopy(posed), pickle.loads(pickle.dumps(posed))):
        assert same_weights(other, posed) and other.options == posed.options
    assert repr(copy.copy(posed)) == repr(posed)
    assert (
        repr(loaded)
        == repr(posed)
        == ("Posed(rotation of 12 x 12 x 1, 2 codes, 3,700 weights, search fast)")
    )
    with pytest.raises(avae_jax.InputError, match="exists already"):
        posed.save(tmp_path / "model.npz")


@pytest.mark.full
def test_fit_large_images_poses_are_in_their_frame():
    """A model sees a large image small; its pose moves the image itself."""
    images = np.kron(clubs(16), np.ones((1, 5, 5), np.uint8))
    made = fitted(images, family="rigid", steps=2, ranges__shift=0.2)
    assert made.trained.avae.inner.shape == (48, 48)
    poses = made.pose(images[:4])
    moved = made.transform(images[:4], poses=poses)
    np.testing.assert_array_equal(moved, made.transform(images[:4]))
    shift = np.eye(3, dtype=np.float32)[None].repeat(4, 0)
    shift[:, 0, 2] = 10 / 30  # ten pixels of a half side of thirty
    np.testing.assert_allclose(
        made.transform(images[:4], poses=shift)[:, 10:], images[:4, :-10], atol=1
    )
    seen = made.canonicalise(images[:4], poses=shift)
    np.testing.assert_allclose(seen[:, 8:, :], made.checked(images[:4])[:, :-8], atol=1e-3)


@pytest.mark.full
def test_fit_in_a_work_directory_goes_on(tmp_path, posed):
    folder = tmp_path / "run"
    ended = fitted(clubs(), workdir=folder, callback=lambda step, metrics: step == 2)
    assert (folder / "report" / "index.html").exists() and not same_weights(posed, ended)
    seen = []
    whole = fitted(clubs(), workdir=folder, callback=lambda step, metrics: seen.append(step))
    assert seen == [4] and same_weights(posed, whole)
    again = fitted(clubs(), workdir=folder, callback=lambda step, metrics: seen.append(step))
    assert seen == [4] and same_weights(posed, again)
    assert same_weights(avae_jax.Posed.load(folder), posed)
    with pytest.raises(avae_jax.InputError, match="data.source=array:.*was array:"):
        fitted(clubs()[::-1], workdir=folder)
    with pytest.raises(avae_jax.InputError, match="avae_jax.fit, which alone can go on"):
        avae_jax.training.loop.evaluate(whole.options, folder)


def test_fit_callback_sees_metrics_and_stops():
    seen = []
    said = io.StringIO()

    def stop(step, metrics):
        print("told")
        seen.append((step, metrics["loss"]))
        return step == 2

    with contextlib.redirect_stdout(said):
        made = fitted(clubs(), callback=stop)
    assert [step for step, _ in seen] == [2] and isinstance(seen[0][1], float)
    assert said.getvalue() == "told\n" and made.trained.params is not None


def test_fit_compiles_once_for_the_same_shapes():
    compiled = []

    def note(event, seconds, **more):
        if "backend_compile" in event:
            compiled.append(more.get("fun_name"))

    fitted(clubs()).pose(clubs())
    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        fitted(clubs()[::-1].copy(), seed=6)
    finally:
        jax.monitoring.unregister_event_duration_listener(note)
    assert "jit(shared)" not in compiled and len(compiled) < 3, compiled


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"images": clubs()[0]}, "images: an array of shape .12, 12.; .*is wanted"),
        ({"images": [[1.0], [1.0, 2.0]]}, "images: lists of unequal lengths"),
        ({"images": np.full((8, 9, 9), "a")}, "images: dtype <U1; .*wanted"),
        ({"images": np.full((8, 9, 9), np.nan)}, "images.* NaN"),
        ({"images": np.zeros((8, 9, 9))}, "images: all values are 0"),
        ({"latnet": 3}, "latnet: no such option.*latent"),
        ({"family": "rotatoin"}, "family='rotatoin'.*did you mean rotation"),
        ({"labels": np.arange(3)}, "labels of shape .3.* 24 examples"),
        ({"batch_size": 100}, "batch_size"),
        ({"callback": 3}, "callback=3: wanted a function"),
    ],
)
def test_fit_refuses_in_a_sentence(given, said):
    with pytest.raises(avae_jax.InputError, match=said):
        fitted(**{"images": clubs(), **given})


def test_fit_says_what_it_chooses(capsys):
    fitted(clubs(), progress=True)
    out, err = capsys.readouterr()
    assert "24 training" not in out and "dense VAE of 3,700 weights" in out and "step" in err


def test_fit_without_a_work_directory_has_no_writers():
    with pytest.raises(avae_jax.InputError, match="log.writers=csv: wanted with a workdir"):
        fitted(clubs(), writers="csv")
