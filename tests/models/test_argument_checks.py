"""Mistakes at the pure functions, each answered by one sentence, also where they are traced."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import avae_jax
from tests.support import tiny_vae

AVAE = tiny_vae.avae_of()
X, POSE = np.asarray(tiny_vae.images()), np.eye(3, dtype=np.float32)
FILL, STARTS, INDEX = np.zeros(1, np.float32), np.stack([POSE[None]] * 2), np.arange(2)
KEY = jax.random.key(0)
SEARCH = tiny_vae.searching("even")


def elbo(x=X[0], pose=POSE):
    return avae_jax.elbo(tiny_vae.weights(), None, x, pose, avae=AVAE)


def canonicalise(x=X[0], pose=POSE):
    return avae_jax.canonicalise(x, pose, avae=AVAE)


def warp(x=X[0], pose=POSE, fill=FILL):
    return avae_jax.warp(x, pose, fill, source=AVAE.inner, target=AVAE.inner)


def find_poses(x=X[:2], keys=None, options=SEARCH, **given):
    keys = avae_jax.example_keys(KEY, np.arange(2)) if keys is None else keys
    return avae_jax.find_poses(tiny_vae.weights(), keys, x, avae=AVAE, options=options, **given)


def search(starts=STARTS, options=SEARCH):
    problem = avae_jax.Problem(lambda x, p: p, lambda x, p: p.sum(), lambda p, a: p, 1)
    return avae_jax.search(problem, jnp.zeros((2, 1)), starts, options=options)


def train_step(x=X[:2], index=INDEX):
    tx = avae_jax.optimiser(avae_jax.TrainOptions(steps=2))
    state = avae_jax.init_state(KEY, tiny_vae.weights(), tx, met=jnp.zeros((6, 2)))
    return avae_jax.train_step(state, x, index, avae=AVAE, tx=tx, search=None, pose_data=False)


# The mistake, the call, and what is said of it.
MISTAKES = {
    "wrong rank": (lambda: elbo(X[0, ..., 0]), r"elbo: x: of shape \[7, 7\], wanted \[7, 7, 1\]"),
    "a batch instead of one": (lambda: elbo(X[:3]), r"\[3, 7, 7, 1\], wanted .*jax.vmap makes"),
    "0 to 255": (lambda: elbo(X[0] * 255), "elbo: x: values from 0 to .*wanted .*from 0 to 1"),
    "uint8": (lambda: elbo(np.uint8(X[0] * 255)), "elbo: x: uint8 values, wanted floats"),
    "NaN": (lambda: elbo(X[0] * np.nan), "elbo: x: 49 values of NaN or infinity"),
    "a pose of another dimension": (
        lambda: elbo(pose=np.eye(4, dtype=np.float32)),
        r"elbo: pose: of shape \[4, 4\], wanted \[3, 3\], poses of 2 dimensions",
    ),
    "a number for keys": (lambda: find_poses(keys=0), "keys=0, wanted one an example"),
    "options as a dict": (
        lambda: find_poses(options={"kind": "even"}),
        "options: dict, wanted avae_jax.SearchOptions",
    ),
    "a misspelt option": (
        lambda: avae_jax.SearchOptions(presets="fast"),
        r"SearchOptions\(presets=...\): no such option, did you mean preset\?",
    ),
    "no bank": (
        lambda: find_poses(options=avae_jax.SearchOptions()),
        "find_poses: bank=None and met=None, wanted met=codes",
    ),
}
OTHERS = {
    "canonicalise rank": (lambda: canonicalise(X[:3]), "canonicalise: x: .*jax.vmap"),
    "canonicalise pose": (lambda: canonicalise(pose=POSE[:2]), r"canonicalise: pose: .*\[2, 3\]"),
    "warp rank": (lambda: warp(X[0, ..., 0]), r"warp: image: of shape \[7, 7\]"),
    "warp integers": (lambda: warp(np.uint8(X[0])), "warp: image: uint8 values"),
    "warp pose": (lambda: warp(pose=POSE * np.nan), "warp: pose: 9 values of NaN"),
    "warp fill": (lambda: warp(fill=np.zeros(2)), r"warp: fill: of shape \[2\], wanted \[1\]"),
    "find one": (lambda: find_poses(X[0]), r"find_poses: x: of shape \[7, 7, 1\], wanted \[B, 7"),
    "find range": (lambda: find_poses(X[:2] * 255), "find_poses: x: values from 0 to"),
    "find keys": (lambda: find_poses(keys=KEY), r"keys of shape \[\] for 2 examples.*example_keys"),
    "search open": (
        lambda: search(options=avae_jax.SearchOptions(kind="even")),
        "search: options with keep=None, wanted those of avae_jax.resolve_search",
    ),
    "search rank": (lambda: search(POSE[None]), r"search: starts: of shape \[1, 3, 3\]"),
    "search length": (lambda: search(POSE[None, None]), "data of 2 examples and starts of 1"),
    "train one": (lambda: train_step(X[0]), r"train_step: x: of shape \[7, 7, 1\]"),
    "train index": (lambda: train_step(index=np.arange(3)), r"train_step: index: .*\[3\]"),
    "train range": (lambda: train_step(X[:2] * 255), "train_step: x: values from 0 to"),
    "option value": (
        lambda: avae_jax.TrainOptions(steps=-1),
        r"TrainOptions\(steps=-1\): an?.*at least 0|TrainOptions\(steps=-1\): at least 0",
    ),
    "option type": (lambda: avae_jax.ModelOptions(latent=1.5), r"latent=1.5\): an integer"),
    "option section": (
        lambda: avae_jax.Options(model={"latent": 3}),
        r"Options\(model=.*wanted ModelOptions\(...\)",
    ),
}


@pytest.mark.parametrize("name", [*MISTAKES, *OTHERS])
def test_mistake_is_answered_by_a_sentence(name):
    call, said = {**MISTAKES, **OTHERS}[name]
    with pytest.raises(avae_jax.InputError, match=said):
        call()


def test_mistakes_of_shape_and_type_are_found_where_traced():
    with pytest.raises(avae_jax.InputError, match="wanted floats"):
        jax.jit(elbo)(np.uint8(X[0]))
    with pytest.raises(avae_jax.InputError, match=r"pose: of shape \[4, 4\]"):
        jax.eval_shape(functools.partial(elbo, X[0]), np.eye(4, dtype=np.float32))


@pytest.mark.full
def test_find_poses_makes_its_own_bank_and_takes_options_as_they_are():
    options = dataclasses.replace(tiny_vae.BANK, starts=2)
    met = jnp.zeros((6, 2))
    own = jax.jit(lambda x: find_poses(x, options=options, met=met))(X[:2])
    bank = avae_jax.build_bank(tiny_vae.weights(), met, avae=AVAE, options=options)
    given = jax.jit(lambda x: find_poses(x, options=options, bank=bank))(X[:2])
    np.testing.assert_allclose(own.loss, given.loss, rtol=1e-5)


@pytest.mark.standard
def test_arrays_of_numpy_are_taken_without_a_warning():
    """Float64 is what NumPy makes of most images, and lists are arrays too."""
    expected = elbo().nll
    for x, pose in ((X[0].astype(np.float64), np.eye(3)), (X[0].tolist(), POSE.tolist())):
        np.testing.assert_allclose(elbo(x, pose).nll, expected, rtol=1e-6)
