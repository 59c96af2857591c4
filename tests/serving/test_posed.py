"""A VAE of one's own made robust to pose: any number of examples, any kind of function."""

import copy
import dataclasses
import functools
import pickle

import jax
import numpy as np
import pytest

import avae_jax
from avae_jax.config.options import ModelOptions
from avae_jax.core.errors import InputError
from avae_jax.models import build_model
from tests.support import tiny_vae
from tests.support.wrapped_vae import SEARCH, WIDE, host_functions, upright, wrap

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@pytest.fixture(scope="module")
def posed(for_an_optimiser):
    return wrap()


@pytest.mark.full
def test_posed_any_number_of_examples(posed):
    """Any number of examples gives the same as the functions underneath."""
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


def test_posed_independent_of_the_batch(posed):
    """Results do not depend on how many are worked at once."""
    x, other = upright()[:5], dataclasses.replace(posed, batch=3)
    for name in ("pose", "canonicalise", "reconstruct"):
        one, two = getattr(posed, name)(x), getattr(other, name)(x)
        assert isinstance(one, np.ndarray) and one.dtype == np.float32
        np.testing.assert_allclose(one, two, atol=1e-4)
        assert len(one) == 5 and len(getattr(posed, name)(x[:1])) == 1
    assert posed.canonicalise(x).shape == posed.reconstruct(x).shape == x.shape


def test_posed_likelihood_hardly_changed_by_a_turn(posed):
    """The likelihood is a bound that a turn hardly changes."""
    x = upright()[:5]
    bound = posed.log_likelihood(x, samples=12)
    np.testing.assert_allclose(posed.log_likelihood(x[:3], samples=12), bound[:3], rtol=1e-4)
    assert bound.shape == (5,) and (bound > -60).all()
    turned = np.ascontiguousarray(np.rot90(x, axes=(1, 2)))
    assert np.abs(posed.log_likelihood(turned, samples=12) - bound).max() < 3


@pytest.mark.full
def test_posed_functions_outside_of_jax(posed):
    """Functions outside of jax do as well where values suffice."""
    functions = avae_jax.on_host(*host_functions(), shape=(*tiny_vae.SHAPE, 1), latent=tiny_vae.Z)
    outside, x = wrap(*functions), upright()[:5]
    np.testing.assert_allclose(outside.find(x).loss, posed.find(x).loss, rtol=1e-4)
    assert np.isfinite(outside.log_likelihood(x[:2], samples=6)).all()
    with pytest.raises(InputError, match="method=gauss_newton.*derivatives.*method=line"):
        wrap(*functions, **WIDE)
    with pytest.raises(InputError, match="polish=1.*derivatives.*search.polish=0"):
        registered = dataclasses.replace(SEARCH, method="register")
        wrap(*functions, family="rigid", search=registered)


@pytest.mark.full
def test_posed_pytorch_module_as_its_weights_in_jax(posed):
    """A pytorch module does as well as its weights in jax."""
    torch = pytest.importorskip("torch", reason="torch is missing: install the extra `benchmark`")
    weights = {name: torch.tensor(np.array(value)) for name, value in tiny_vae.weights().items()}

    @torch.inference_mode()
    def encode(x):
        hidden = torch.tanh(torch.tensor(x).flatten(1) @ weights["encode"])
        mu, logvar = hidden.chunk(2, dim=1)
        return mu.numpy(), (logvar - 2).numpy()

    @torch.inference_mode()
    def decode(z):
        logits = torch.tensor(z) @ weights["decode"] + weights["bias"]
        return torch.sigmoid(logits).reshape(-1, *tiny_vae.SHAPE, 1).numpy()

    outside = wrap(*avae_jax.on_host(encode, decode, shape=(*tiny_vae.SHAPE, 1), latent=tiny_vae.Z))
    x = upright()[:5]
    np.testing.assert_allclose(outside.find(x).loss, posed.find(x).loss, rtol=1e-4)
    np.testing.assert_allclose(outside.reconstruct(x), posed.reconstruct(x), atol=1e-3)


def test_posed_refuses_examples_that_do_not_fit(posed):
    """Examples that do not fit are refused."""
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


def test_posed_copies_weights(posed):
    params, x = jax.tree.map(np.array, tiny_vae.weights()), np.array(tiny_vae.images())
    made = avae_jax.Posed.wrap(tiny_vae.encode, tiny_vae.decode, params, x, search=SEARCH, batch=4)
    direct = avae_jax.Posed(made.trained._replace(params=params, met=np.array(made.trained.met)), 4)
    for leaf in (*jax.tree.leaves(params), *(x,)):
        leaf[...] = 0
    wanted = posed.pose(upright()[:3])
    for other in (made, direct):
        np.testing.assert_array_equal(other.pose(upright()[:3]), wanted)


@pytest.mark.full
def test_posed_keeps_weights_that_are_deleted(posed):
    params = jax.tree.map(jax.numpy.array, tiny_vae.weights())
    made = avae_jax.Posed.wrap(tiny_vae.encode, tiny_vae.decode, params, upright(), search=SEARCH)
    for leaf in jax.tree.leaves(params):
        leaf.delete()
    assert made.reconstruct(upright()[:2]).shape == upright()[:2].shape


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_posed_pickled_or_copied(posed, again):
    x = upright()[:3]
    np.testing.assert_array_equal(again(posed).pose(x), posed.pose(x))


@pytest.mark.parametrize("options", [ModelOptions(), ModelOptions(name="conv", dtype="bfloat16")])
def test_build_model_can_be_pickled(options):
    model, params = build_model(jax.random.key(0), (8, 8), 1, options=options)
    again, x = pickle.loads(pickle.dumps(model)), np.zeros((8, 8, 1), np.float32)
    np.testing.assert_array_equal(again.encode(params, x), model.encode(params, x))


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap, jax.grad, jax.make_jaxpr, jax.linearize])
@pytest.mark.parametrize("method", ["pose", "canonicalise", "log_likelihood"])
def test_posed_inside_a_transformation_names_the_pure_function(posed, transform, method):
    def called(x):
        return getattr(posed, method)(x).sum()

    given = (called, upright()[:2]) if transform is jax.linearize else (called,)
    with pytest.raises(InputError, match=r"^x: .*inside jit, vmap or grad.*avae_jax.find_poses"):
        transform(*given)(upright()[:2])


def test_posed_refuses_traced_poses_and_weights(posed):
    x, poses = upright()[:2], np.tile(np.eye(3), (2, 1, 1))
    with pytest.raises(InputError, match=r"^x: .*find_poses"):
        jax.jit(lambda poses: posed.canonicalise(x, poses=poses))(poses)
    with pytest.raises(InputError, match=r"^x: .*find_poses"):
        jax.jit(lambda: posed.pose(x))()
    with pytest.raises(InputError, match=r"^params: .*find_poses"):
        jax.jit(
            lambda p: avae_jax.Posed.wrap(tiny_vae.encode, tiny_vae.decode, p, upright()).pose(x)
        )(tiny_vae.weights())


@pytest.mark.full
def test_posed_works_after_it_was_refused_inside_a_transformation():
    """Programs made while JAX traces would hold values that are gone afterwards."""
    posed, x = wrap(), upright()[:2]
    with pytest.raises(InputError, match="inside jit"):
        jax.jit(posed.pose)(x)
    assert posed.pose(x).shape == (2, 3, 3)
