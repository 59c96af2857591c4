"""The train step and its optimiser: pure, for a batch."""

import jax
import numpy as np
import pytest

from avae_jax.config.options import TrainOptions
from avae_jax.inference.problem import example_keys
from avae_jax.models.objective import elbo
from avae_jax.training import step as train
from avae_jax.training.optimiser import optimiser
from avae_jax.transform import identity
from tests.support.tiny_vae import (
    BATCH,
    PROTOTYPES,
    SEARCHES,
    Z,
    avae_of,
    batches,
    compiled,
    searching,
    trained,
)

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]


@pytest.mark.full_cases("remembered")
@pytest.mark.parametrize("kind", SEARCHES)
def test_train_step_loss_falls_in_one_program(kind):
    """The loss falls and one program serves every step."""
    state, losses = trained(kind, 30)
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    # None is left where another test of this process has dropped what was compiled.
    assert compiled(kind)[0]._cache_size() <= 1
    assert state.step == 30
    # The objects met last, newest first, are the prototypes of the next search.
    assert state.met.shape == (PROTOTYPES, Z)
    assert (np.abs(state.met).max(1) > 0).all()


@pytest.mark.full_cases("remembered")
@pytest.mark.parametrize("kind", SEARCHES)
def test_train_step_says_what_it_did(kind):
    step, state = compiled(kind)
    after, metrics = step(state, *next(batches(1)))
    always = {"loss", "nll", "kl", "prior", "grad_norm", "nonfinite"}
    assert set(metrics) == always | ({"proposal_loss"} if kind == "learned" else set())
    assert all(np.isfinite(value) and value.shape == () for value in metrics.values())
    assert metrics["loss"] == pytest.approx(float(metrics["nll"] + metrics["kl"]), rel=1e-6)
    assert metrics["nonfinite"] == 0
    assert not any(map(np.array_equal, *map(jax.tree.leaves, (state.params, after.params))))


@pytest.mark.parametrize("kind", ["even", "bank"])
def test_train_step_twice_the_same_bits(kind):
    """The same step twice is the same to the last bit."""
    step, state = compiled(kind)
    (one, _), (two, _) = (step(state, *next(batches(1))) for _ in range(2))
    for a, b in zip(jax.tree.leaves(one.params), jax.tree.leaves(two.params), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", [None, "even"])
def test_train_step_draws_by_index_not_place(kind):
    """What is drawn depends on the index and not the place in the batch."""
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


def test_train_step_searches_with_other_noise_than_it_learns(monkeypatch):
    """With the same noise, or z at its mean, models train as well but do not settle."""
    keys, find_poses, objects = {}, train.find_poses, train.objects

    def searched(*args, noise, **options):
        keys["search"] = jax.random.key_data(noise)
        return find_poses(*args, noise=noise, **options)

    def updated(params, noise, *args, **options):
        keys["update"] = jax.random.key_data(noise)
        return objects(params, noise, *args, **options)

    monkeypatch.setattr(train, "find_poses", searched)
    monkeypatch.setattr(train, "objects", updated)
    options = {"avae": avae_of(), "tx": optimiser(TrainOptions()), "search": searching("even")}

    @jax.jit  # of the step only what makes the keys is compiled
    def drawn_by(state, x, index):
        train.train_step(state, x, index, pose_data=True, **options)
        return keys["search"], keys["update"]

    drawn = np.concatenate(drawn_by(compiled("even")[1], *next(batches(1))))
    assert len(np.unique(drawn, axis=0)) == len(drawn) == 2 * BATCH


def test_train_step_without_posing_takes_data_as_they_are():
    """Without posing the data is taken as it is."""
    step, state = compiled(None, pose_data=False)
    x, index = next(batches(1))
    keys = example_keys(jax.random.fold_in(state.key, 0), index)
    noise = jax.vmap(lambda key: jax.random.split(key, 3)[2])(keys)
    each = jax.vmap(lambda k, v: elbo(state.params, k, v, identity(2), avae=avae_of()))
    terms = jax.jit(each)(noise, x)
    _, metrics = step(state, x, index)
    assert metrics["nll"] == pytest.approx(float(terms.nll.mean()), rel=1e-5)
    assert metrics["kl"] == pytest.approx(float(terms.kl.mean()), rel=1e-5)


def leaves(tree):
    return jax.device_get(jax.tree.leaves(tree))


def test_train_step_learns_a_pose_head_beside_the_weights():
    """Untrained it proposes what the bank does: the first update is the same without it."""
    (plain, before), (step, state) = compiled("bank"), compiled("learned")
    assert before.head is None and state.head is not None
    x, index = next(batches(1))
    (one, said), (other, learned) = plain(before, x, index), step(state, x, index)
    for a, b in zip(leaves(one.params), leaves(other.params), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)
    assert learned["loss"] == pytest.approx(float(said["loss"]), rel=1e-5)
    assert learned["proposal_loss"] > 0
    changed = [
        not np.array_equal(a, b)
        for a, b in zip(leaves(state.head.params), leaves(other.head.params), strict=True)
    ]
    # The first layers follow once the last one, which begins at zero, has moved.
    assert any(changed)
    later = trained("learned", 30)[0].head
    assert all(np.isfinite(leaf).all() for leaf in leaves(later))
    assert later.opt_state[0].count == 30
    assert all(map(np.any, leaves(later.params)))


def test_train_step_without_search_leaves_the_head():
    """A step without search leaves the head alone."""
    step, state = compiled(None)
    head = compiled("learned")[1].head
    after, _ = step(state.replace(head=head), *next(batches(1)))
    for a, b in zip(leaves(head), leaves(after.head), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.full
def test_train_step_at_given_poses_neither_moves_nor_searches():
    """With identities it is the update of a plain VAE on the examples as they are."""
    _, state = compiled("even")
    x, index = next(batches(1))
    still = np.broadcast_to(np.eye(3, dtype=np.float32), (len(x), 3, 3))
    options = {"avae": avae_of(), "tx": optimiser(TrainOptions(steps=40, warmup=2))}
    given, _ = train.train_step(
        state, x, index, poses=still, search=searching("even"), pose_data=True, **options
    )
    plain, _ = train.train_step(state, x, index, search=None, pose_data=False, **options)
    jax.tree.map(np.testing.assert_array_equal, given.params, plain.params)
    quarter = still @ np.float32([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    other, _ = train.train_step(
        state, x, index, poses=quarter, search=searching("even"), pose_data=True, **options
    )
    assert np.abs(other.params["encode"] - plain.params["encode"]).max() > 1e-4
