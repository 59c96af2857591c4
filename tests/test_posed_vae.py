"""A VAE of one's own made robust to pose: any number of examples, any kind of function."""

import copy
import dataclasses
import functools
import os
import pickle
import subprocess
import sys

import clubs
import jax
import numpy as np
import pytest

import avae_jax
from avae_jax.config.options import ModelOptions, SearchOptions
from avae_jax.core.errors import InputError
from avae_jax.models import build

SEARCH = SearchOptions(starts=3, keep=2, steps=1, polish=1, prototypes=6, turns=8)
WIDE = {"search": SearchOptions(method="gauss_newton", kind="even", starts=3, keep=1, steps=1)}

pytestmark = pytest.mark.usefixtures("for_an_optimiser")


def upright() -> np.ndarray:
    return np.asarray(clubs.images())


def wrap(encode=clubs.encode, decode=clubs.decode, x=None, **options) -> avae_jax.Posed:
    x = upright() if x is None else x
    options = {"search": SEARCH, "batch": 4, **options}
    return avae_jax.Posed.wrap(encode, decode, clubs.weights(), x, **options)


def host_functions() -> tuple:
    """The VAE of `clubs` in numpy alone."""
    weights = jax.tree.map(np.asarray, clubs.weights())

    def encode(x):
        mu, logvar = np.split(np.tanh(x.reshape(len(x), -1) @ weights["encode"]), 2, axis=1)
        return mu, logvar - 2

    def decode(z):
        logits = z @ weights["decode"] + weights["bias"]
        return (1 / (1 + np.exp(-logits))).reshape(len(z), *clubs.SHAPE, 1)

    return encode, decode


@pytest.fixture(scope="module")
def posed(for_an_optimiser):
    return wrap()


def test_any_number_of_examples_gives_the_same_as_the_functions_underneath(posed):
    x, (params, avae, search, bank, _) = upright()[:7], posed.trained
    found = posed.find(x)
    keys = avae_jax.example_keys(jax.random.fold_in(jax.random.key(0), 1), np.arange(7))
    find = functools.partial(avae_jax.find_poses, avae=avae, options=search)
    wanted = jax.jit(find)(params, keys, x, bank=bank)
    np.testing.assert_allclose(found.pose, wanted.pose, atol=1e-4)
    np.testing.assert_allclose(found.loss, wanted.loss, rtol=1e-5)
    moved = posed.canonicalise(x, poses=found.pose)
    for image, pose, made in zip(x, found.pose, moved, strict=True):
        one = avae_jax.canonicalise(image, pose, avae=avae)
        np.testing.assert_allclose(made, one, atol=1e-5)


def test_results_do_not_depend_on_how_many_are_worked_at_once(posed):
    x, other = upright()[:5], dataclasses.replace(posed, batch=3)
    for name in ("pose", "canonicalise", "reconstruct"):
        one, two = getattr(posed, name)(x), getattr(other, name)(x)
        assert isinstance(one, np.ndarray) and one.dtype == np.float32
        np.testing.assert_allclose(one, two, atol=1e-4)
        assert len(one) == 5 and len(getattr(posed, name)(x[:1])) == 1
    assert posed.canonicalise(x).shape == posed.reconstruct(x).shape == x.shape


def test_the_likelihood_is_a_bound_that_a_turn_hardly_changes(posed):
    x = upright()[:5]
    bound = posed.log_likelihood(x, samples=12)
    np.testing.assert_allclose(posed.log_likelihood(x[:3], samples=12), bound[:3], rtol=1e-4)
    assert bound.shape == (5,) and (bound > -60).all()
    turned = np.ascontiguousarray(np.rot90(x, axes=(1, 2)))
    assert np.abs(posed.log_likelihood(turned, samples=12) - bound).max() < 3


def test_functions_outside_of_jax_do_as_well_where_values_suffice(posed):
    functions = avae_jax.on_host(*host_functions(), shape=(*clubs.SHAPE, 1), latent=clubs.Z)
    outside, x = wrap(*functions), upright()[:5]
    np.testing.assert_allclose(outside.find(x).loss, posed.find(x).loss, rtol=1e-4)
    assert np.isfinite(outside.log_likelihood(x[:2], samples=6)).all()
    with pytest.raises(InputError, match="method=gauss_newton.*derivatives.*method=line"):
        wrap(*functions, **WIDE)
    with pytest.raises(InputError, match="polish=1.*derivatives.*search.polish=0"):
        registered = dataclasses.replace(SEARCH, method="register")
        wrap(*functions, family="rigid", search=registered)


def test_on_one_core_functions_outside_of_jax_are_refused_before_they_wait_for_ever(monkeypatch):
    monkeypatch.setenv("NPROC", "1")
    with pytest.raises(InputError, match="set NPROC=2"):
        avae_jax.on_host(*host_functions(), shape=(*clubs.SHAPE, 1), latent=clubs.Z)


def test_a_pytorch_module_does_as_well_as_its_weights_in_jax(posed):
    torch = pytest.importorskip("torch", reason="torch is missing: install the extra `benchmark`")
    weights = {name: torch.tensor(np.array(value)) for name, value in clubs.weights().items()}

    @torch.inference_mode()
    def encode(x):
        hidden = torch.tanh(torch.tensor(x).flatten(1) @ weights["encode"])
        mu, logvar = hidden.chunk(2, dim=1)
        return mu.numpy(), (logvar - 2).numpy()

    @torch.inference_mode()
    def decode(z):
        logits = torch.tensor(z) @ weights["decode"] + weights["bias"]
        return torch.sigmoid(logits).reshape(-1, *clubs.SHAPE, 1).numpy()

    outside = wrap(*avae_jax.on_host(encode, decode, shape=(*clubs.SHAPE, 1), latent=clubs.Z))
    x = upright()[:5]
    np.testing.assert_allclose(outside.find(x).loss, posed.find(x).loss, rtol=1e-4)
    np.testing.assert_allclose(outside.reconstruct(x), posed.reconstruct(x), atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"x": np.zeros((3, 7, 7), np.float32)}, r"upright: .*\(3, 7, 7\), wanted \[n, H, W, C\]"),
        ({"x": np.zeros((3, 7, 7, 1), np.uint8)}, "upright: uint8 values, wanted floats"),
        ({"x": np.full((3, 7, 7, 1), 2.0)}, "upright: values from 2 to 2"),
        ({"x": np.full((3, 7, 7, 1), np.nan)}, "upright: example 0 holds NaN"),
        ({"x": np.zeros((3, 8, 8, 1))}, r"encode: fails on one example, float32\[8, 8, 1\]"),
        ({"encode": lambda params, x: x.reshape(-1)}, r"encode: gave float32\[49\], wanted mean"),
        ({"decode": lambda params, z: z}, r"decode: gave float32\[2\], wanted float32\[7, 7, 1\]"),
        ({"decode": lambda *z: 9 * clubs.decode(*z) - 4}, "decode: gave values from .*sigmoid"),
        ({"decode": lambda *z: np.nan * clubs.decode(*z)}, "decode: what it draws .* not finite"),
        ({"likelihood": "poisson"}, "likelihood='poisson': wanted bernoulli or gaussian"),
        ({"family": "wobble"}, "wobble"),
        ({"batch": 0}, "batch=0"),
        ({"sigma": -1, "likelihood": "gaussian"}, "model.sigma=-1.0: above 0"),
        ({"search": "thorough"}, "search='thorough': wanted avae_jax.SearchOptions"),
        ({"search": SearchOptions(preset="thorogh")}, "search.preset='thorogh': one of"),
        (
            {"search": SearchOptions(learned=True), "family": "translation"},
            "wants a family that turns",
        ),
        ({"encode": lambda params, x: params["in"]}, "encode: fails .*KeyError"),
        ({"fill": (0.0, 0.0)}, "fill"),
    ],
)
def test_what_does_not_fit_is_said_before_compute_is_spent(changes, said):
    with pytest.raises(InputError, match=said):
        wrap(**changes)


def test_examples_that_do_not_fit_are_refused(posed):
    with pytest.raises(InputError, match=r"x: .*\(0, 7, 7, 1\), wanted \[n, 7, 7, 1\]"):
        posed.pose(upright()[:0])
    with pytest.raises(InputError, match=r"x: .*\(7, 7, 1\)"):
        posed.pose(upright()[0])
    with pytest.raises(InputError, match="x: <U7 values, wanted an array of floats"):
        posed.pose("foo.png")
    with pytest.raises(InputError, match="x: lists of unequal lengths"):
        posed.pose([[1.0], [1.0, 2.0]])
    with pytest.raises(InputError, match="samples=1.5: wanted an integer"):
        posed.log_likelihood(upright()[:1], samples=1.5)
    none = np.stack([np.eye(3), np.zeros((3, 3)), np.full((3, 3), np.nan), np.eye(3)])
    with pytest.raises(InputError, match="poses: number 1 is no pose"):
        posed.reconstruct(upright()[:4], poses=none)
    with pytest.raises(InputError, match=r"poses: of shape \(2, 3, 3\), wanted \(4, 3, 3\)"):
        posed.canonicalise(upright()[:4], poses=np.zeros((2, 3, 3)))


SERVE = """
import sys
import jax, jax.export, numpy as np
folder = sys.argv[1]
with open(folder + "/posed.bin", "rb") as file:
    program = jax.export.deserialize(bytearray(file.read()))
found = program.call(np.load(folder + "/x.npy"))
assert set(program.platforms) == {"cpu", "cuda", "tpu"}
assert not any(name.split(".")[0] in ("avae_jax", "flax", "optax") for name in sys.modules)
np.savez(folder + "/found.npz", **found)
"""


def test_the_exported_search_runs_where_the_package_is_not(posed, tmp_path):
    # Any number of them: not one that is a multiple of those worked at once.
    x = upright()[:6]
    np.save(tmp_path / "x.npy", x)
    avae_jax.export(posed, tmp_path / "posed.bin")
    quick = {**os.environ, "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    called = [sys.executable, "-c", SERVE, str(tmp_path)]
    subprocess.run(called, cwd=tmp_path, env=quick, check=True)
    served = np.load(tmp_path / "found.npz")
    found = posed.find(x)
    np.testing.assert_allclose(served["pose"], found.pose, atol=1e-3)
    np.testing.assert_allclose(served["loss"], found.loss, rtol=1e-4)
    np.testing.assert_allclose(served["canonical"], posed.canonicalise(x), atol=1e-2)
    with pytest.raises(InputError, match="posed.bin: exists already"):
        avae_jax.export(posed, tmp_path / "posed.bin")


def test_a_program_for_one_number_of_examples_takes_no_other(posed, tmp_path):
    avae_jax.export(posed, tmp_path / "posed.bin", batch=2, platforms=("cpu",))
    program = jax.export.deserialize(bytearray((tmp_path / "posed.bin").read_bytes()))
    assert [argument.shape for argument in program.in_avals] == [(2, *clubs.SHAPE, 1)]


def test_what_cannot_be_exported_is_said(tmp_path):
    functions = avae_jax.on_host(*host_functions(), shape=(*clubs.SHAPE, 1), latent=clubs.Z)
    with pytest.raises(InputError, match="cannot be exported"):
        avae_jax.export(wrap(*functions), tmp_path / "posed.bin")
    assert not list(tmp_path.iterdir())


def test_weights_changed_in_place_afterwards_change_nothing(posed):
    params, x = jax.tree.map(np.array, clubs.weights()), np.array(clubs.images())
    made = avae_jax.Posed.wrap(clubs.encode, clubs.decode, params, x, search=SEARCH, batch=4)
    direct = avae_jax.Posed(made.trained._replace(params=params, met=np.array(made.trained.met)), 4)
    for leaf in (*jax.tree.leaves(params), *(x,)):
        leaf[...] = 0
    wanted = posed.pose(upright()[:3])
    for other in (made, direct):
        np.testing.assert_array_equal(other.pose(upright()[:3]), wanted)


def test_weights_given_away_afterwards_are_still_there(posed):
    params = jax.tree.map(jax.numpy.array, clubs.weights())
    made = avae_jax.Posed.wrap(clubs.encode, clubs.decode, params, upright(), search=SEARCH)
    for leaf in jax.tree.leaves(params):
        leaf.delete()
    assert made.reconstruct(upright()[:2]).shape == upright()[:2].shape


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_a_pickled_or_copied_one_gives_the_same(posed, again):
    x = upright()[:3]
    np.testing.assert_array_equal(again(posed).pose(x), posed.pose(x))


@pytest.mark.parametrize("options", [ModelOptions(), ModelOptions(name="conv", dtype="bfloat16")])
def test_models_of_the_package_can_be_pickled(options):
    model, params = build(jax.random.key(0), (8, 8), 1, options=options)
    again, x = pickle.loads(pickle.dumps(model)), np.zeros((8, 8, 1), np.float32)
    np.testing.assert_array_equal(again.encode(params, x), model.encode(params, x))


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap, jax.grad, jax.make_jaxpr, jax.linearize])
@pytest.mark.parametrize("method", ["pose", "canonicalise", "log_likelihood"])
def test_inside_of_a_transformation_the_pure_function_is_named(posed, transform, method):
    def called(x):
        return getattr(posed, method)(x).sum()

    given = (called, upright()[:2]) if transform is jax.linearize else (called,)
    with pytest.raises(InputError, match=r"^x: .*inside jit, vmap or grad.*avae_jax.find_poses"):
        transform(*given)(upright()[:2])


def test_known_poses_and_weights_inside_of_a_transformation_are_refused_too(posed):
    x, poses = upright()[:2], np.tile(np.eye(3), (2, 1, 1))
    with pytest.raises(InputError, match=r"^x: .*find_poses"):
        jax.jit(lambda poses: posed.canonicalise(x, poses=poses))(poses)
    with pytest.raises(InputError, match=r"^x: .*find_poses"):
        jax.jit(lambda: posed.pose(x))()
    with pytest.raises(InputError, match=r"^params: .*find_poses"):
        jax.jit(lambda p: avae_jax.Posed.wrap(clubs.encode, clubs.decode, p, upright()).pose(x))(
            clubs.weights()
        )
