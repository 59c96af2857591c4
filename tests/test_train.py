"""The train step, its optimiser, and the functions that evaluate: pure, for a batch."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax import evaluate
from avae_jax.models import Model
from avae_jax.objective import AVAE, affine_vae, elbo
from avae_jax.options import RangeOptions, SearchOptions, TrainOptions
from avae_jax.pose_search import resolve
from avae_jax.posing import example_keys, find_poses, forward_equivalents
from avae_jax.train import TrainState, init_state, optimiser, pose_batch, train_step
from avae_jax.transform import family, frame, identity, warp
from avae_jax.transform.matrices import affine, matmul, plane_rotation

SHAPE, Z, BATCH, PROTOTYPES = (7, 7), 2, 4, 6
SEARCHES = {
    None: None,
    "even": SearchOptions(kind="even", starts=4, keep=1, steps=1),
    "bank": SearchOptions(kind="bank", starts=3, keep=1, steps=1, prototypes=PROTOTYPES, turns=8),
}


pytestmark = pytest.mark.usefixtures("for_an_optimiser")


def encode(params, x):
    mu, logvar = jnp.split(jnp.tanh(x.reshape(-1) @ params["encode"]), 2)
    return mu, logvar - 2


def decode(params, z):
    return jax.nn.sigmoid(z @ params["decode"] + params["bias"]).reshape(*SHAPE, 1)


def weights() -> dict[str, jax.Array]:
    random, pixels = np.random.default_rng(0), math.prod(SHAPE)
    sizes = {"encode": (pixels, 2 * Z), "decode": (Z, pixels), "bias": (pixels,)}
    return {name: jnp.float32(random.normal(0, 0.2, size)) for name, size in sizes.items()}


@functools.cache
def avae_of(name: str = "rotation") -> AVAE:
    model = Model(encode, decode, lambda params: jnp.zeros(()))
    ranges = RangeOptions(shift=0.1, scale=1.2, shear=0.1)
    return affine_vae(model, frame(SHAPE), np.zeros(1), group=family(name, 2), ranges=ranges)


@functools.cache
def images() -> jax.Array:
    """Golf clubs, with short and long heads, in grey; no turn leaves one as it is."""
    x = np.zeros((16, *SHAPE, 1), np.float32)
    x[:, 3, 1:6] = 0.9
    x[:, 4, 5] = 0.8
    x[::2, 5, 4:6] = 0.7
    return jnp.asarray(x * np.random.default_rng(0).uniform(0.7, 1, (16, 1, 1, 1)), jnp.float32)


def searching(kind: str | None) -> SearchOptions | None:
    return kind and resolve(SEARCHES[kind], family("rotation", 2))


@functools.cache
def compiled(kind: str | None, pose_data: bool = True):
    """A compiled step and the state before it."""
    tx = optimiser(TrainOptions(steps=40, warmup=2, learning_rate=0.05))
    search = searching(kind)
    step = functools.partial(train_step, avae=avae_of(), tx=tx, search=search, pose_data=pose_data)
    state = init_state(jax.random.key(3), weights(), tx, met=jnp.zeros((PROTOTYPES, Z)))
    return jax.jit(step), state


def batches(count: int):
    for step in range(count):
        index = (BATCH * step + np.arange(BATCH)) % 16
        yield images()[index], index


@functools.cache
def trained(kind: str | None, count: int) -> tuple[TrainState, list[float]]:
    (step, state), losses = compiled(kind), []
    for x, index in batches(count):
        state, metrics = step(state, x, index)
        losses.append(float(metrics["loss"]))
    return state, losses


@pytest.mark.parametrize("kind", SEARCHES)
def test_the_loss_falls_and_one_program_serves_every_step(kind):
    state, losses = trained(kind, 30)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    assert compiled(kind)[0]._cache_size() == 1
    assert state.step == 30
    # The objects met last, newest first, are the prototypes of the next search.
    assert state.met.shape == (PROTOTYPES, Z)
    assert (np.abs(state.met).max(1) > 0).all()


@pytest.mark.parametrize("kind", SEARCHES)
def test_a_step_says_what_it_did(kind):
    step, state = compiled(kind)
    after, metrics = step(state, *next(batches(1)))
    assert set(metrics) == {"loss", "nll", "kl", "prior", "grad_norm", "nonfinite"}
    assert all(np.isfinite(value) and value.shape == () for value in metrics.values())
    assert metrics["loss"] == pytest.approx(float(metrics["nll"] + metrics["kl"]), rel=1e-6)
    assert metrics["nonfinite"] == 0
    assert not any(map(np.array_equal, *map(jax.tree.leaves, (state.params, after.params))))


@pytest.mark.parametrize("kind", ["even", "bank"])
def test_the_same_step_twice_is_the_same_to_the_last_bit(kind):
    step, state = compiled(kind)
    (one, _), (two, _) = (step(state, *next(batches(1))) for _ in range(2))
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(two.params), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", [None, "even"])
def test_what_is_drawn_depends_on_the_index_and_not_the_place_in_the_batch(kind):
    step, state = compiled(kind)
    x, index = next(batches(1))
    order = np.array([2, 0, 3, 1])
    one, moved = step(state, x, index), step(state, x[order], index[order])
    other = step(state, x, index + 1)
    key = step(state.replace(key=jax.random.key(4)), x, index)
    later = step(state.replace(step=state.step + 1), x, index)
    np.testing.assert_allclose(moved[1]["loss"], one[1]["loss"], rtol=1e-5)
    for name, leaf in one[0].params.items():
        np.testing.assert_allclose(moved[0].params[name], leaf, atol=1e-4)
    for changed in (other, key, later):
        assert abs(changed[1]["loss"] - one[1]["loss"]) > 1e-4


def test_without_posing_the_data_is_taken_as_it_is():
    step, state = compiled(None, pose_data=False)
    x, index = next(batches(1))
    keys = example_keys(jax.random.fold_in(state.key, 0), index)
    noise = jax.vmap(lambda key: jax.random.split(key, 3)[2])(keys)
    each = jax.vmap(lambda k, v: elbo(state.params, k, v, identity(2), avae=avae_of()))
    terms = jax.jit(each)(noise, x)
    _, metrics = step(state, x, index)
    assert metrics["nll"] == pytest.approx(float(terms.nll.mean()), rel=1e-5)
    assert metrics["kl"] == pytest.approx(float(terms.kl.mean()), rel=1e-5)


def rates(options: TrainOptions) -> np.ndarray:
    """How far each update goes under a gradient that is always the same."""
    tx, weight = optimiser(options), jnp.zeros(())
    state, update, moved = tx.init(weight), jax.jit(tx.update), []
    for _ in range(max(options.steps, 1)):
        step, state = update(jnp.ones(()), state, weight)
        moved.append(-float(step))
    return np.array(moved)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize(("steps", "warmup"), [(1, 50), (1, 0), (8, 0), (8, 3), (8, 50)])
def test_every_update_moves_and_warms_up(schedule, steps, warmup):
    found = rates(TrainOptions(steps=steps, warmup=warmup, schedule=schedule, learning_rate=0.1))
    warm = min(warmup, steps - 1)
    assert (found > 1e-4).all()
    np.testing.assert_allclose(found[:warm], 0.1 * np.arange(1, warm + 1) / max(warm, 1), rtol=1e-3)
    after = found[warm:]
    if schedule == "constant":
        np.testing.assert_allclose(after, np.full(steps - warm, 0.1), rtol=1e-3)
    else:
        assert (np.diff(after) < 0).all()


def test_the_gradient_is_clipped_by_its_norm():
    tx, gradient = optimiser(TrainOptions(clip=2.0)), jnp.float32([30, 40])
    _, state = jax.jit(tx.update)(gradient, tx.init(gradient), gradient)
    # The first moment after one update is a tenth of the gradient that was let through.
    moments = [leaf for leaf in jax.tree.leaves(state) if leaf.shape == (2,)]
    np.testing.assert_allclose(moments[0], 0.1 * gradient * 2 / 50, rtol=1e-5)


def test_posed_examples_are_warped_by_the_poses_applied():
    avae, index = avae_of("affine"), np.array([5, 2, 9])
    x = images()[index]
    pose = jax.jit(functools.partial(evaluate.apply_poses, jax.random.key(0), avae=avae))
    observed, applied = pose(x, index)
    move = functools.partial(warp, fill=avae.fill, source=avae.inner, target=avae.inner)
    expected = jax.jit(jax.vmap(move))(x, applied)
    np.testing.assert_allclose(observed, expected, atol=1e-5)
    # Each example has its own pose, wherever in a batch it stands.
    again, poses = pose(x[::-1], index[::-1])
    np.testing.assert_allclose(poses[::-1], applied, atol=1e-6)
    np.testing.assert_allclose(again[::-1], observed, atol=1e-6)
    assert np.abs(applied[0] - applied[1]).max() > 0.01


@pytest.mark.parametrize("name", ["rotation", "affine"])
def test_views_are_the_stations_of_an_example_and_nothing_hides(name):
    avae, params = avae_of(name), weights()
    keys = example_keys(jax.random.key(0), np.arange(BATCH))
    x, poses = jax.jit(functools.partial(pose_batch, avae=avae))(keys, images()[:BATCH])
    views = jax.jit(functools.partial(evaluate.views, avae=avae))(params, x, poses)
    for picture in (views.canonical_input, views.canonical, views.reconstruction):
        assert picture.shape == (BATCH, *SHAPE, 1)
    assert views.mu.shape == (BATCH, Z)
    np.testing.assert_array_equal(views.outside, np.zeros(BATCH))
    # What is cropped is told from what interpolation makes of the border of the support.
    assert (np.asarray(views.cropped) < 0.1).all()
    still = jax.jit(functools.partial(evaluate.views, avae=avae))(
        params, x, evaluate.unmoved(x, avae=avae)
    )
    np.testing.assert_allclose(still.canonical_input, x, atol=1e-6)
    np.testing.assert_allclose(still.reconstruction, still.canonical, atol=1e-6)


def test_the_cost_of_the_recipe_of_the_original_work_is_360():
    avae, params = avae_of(), weights()
    group, x = avae.group, images()[0]
    cost = functools.partial(forward_equivalents, params, x, avae=avae, bank=None)
    assert cost(options=resolve(SearchOptions("source"), group)) == pytest.approx(360, rel=0.01)
    few = resolve(SearchOptions(kind="even", starts=8, keep=2, steps=4), group)
    # A value with one tangent takes about two forward passes.
    assert 8 + 2 * (4 * 1.5 + 1) < cost(options=few) < 8 + 2 * (4 * 4 + 1)


@functools.cache
def finder():
    """A compiled search among the right angles, and what it is given beside images."""
    options = SearchOptions(kind="right_angles", starts=4, keep=4, steps=0)
    full = resolve(options, family("rotation", 2))
    keys = example_keys(jax.random.key(0), np.arange(8))
    return jax.jit(functools.partial(find_poses, avae=avae_of(), options=full)), keys


def test_the_search_lowers_the_loss_of_turned_examples():
    x, index, avae = images()[:8], np.arange(8), avae_of()
    (state, _), (find, keys) = trained("even", 30), finder()
    observed, _ = jax.jit(functools.partial(evaluate.apply_poses, jax.random.key(1), avae=avae))(
        x, index
    )
    found = find(state.params, keys, observed)
    loss = jax.jit(functools.partial(evaluate.losses, avae=avae))
    searched, still = (
        loss(state.params, jax.random.key(2), observed, index, poses)
        for poses in (found.pose, evaluate.unmoved(x, avae=avae))
    )
    assert searched.shape == (8,)
    assert searched.mean() < still.mean()


def test_a_quarter_turn_more_is_found_as_a_quarter_turn_less():
    """The search follows the object: found . applied stays what it is."""
    (state, _), (find, keys) = trained("even", 30), finder()
    quarter = affine(plane_rotation(jnp.float32(np.pi / 2), (0, 1), 2), jnp.zeros(2))
    x = images()[:8]
    before, after = find(state.params, keys, x), find(state.params, keys, jnp.rot90(x, 1, (1, 2)))
    np.testing.assert_allclose(after.loss, before.loss, rtol=1e-4)
    more = matmul(after.pose, quarter[None])
    np.testing.assert_allclose(more, before.pose, atol=1e-4)
