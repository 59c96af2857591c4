"""Tests of `avae_jax.training.remembered`."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from avae_jax.config import files
from avae_jax.config.options import TrainOptions
from avae_jax.evaluation.pose_metrics import plane_angle
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.problem import example_keys
from avae_jax.inference.search import SearchResult
from avae_jax.models.objective import explain
from avae_jax.training import remembered, updates
from avae_jax.training.checkpoint import Checkpoints
from avae_jax.training.experiment import prepare
from avae_jax.training.optimiser import optimiser
from avae_jax.training.remembered import (
    Task,
    never_visited,
    onward,
    remembering,
    table_as_saved,
)
from avae_jax.training.restore import restore, with_raw_key
from avae_jax.training.state import bank_of, table_of, with_table
from avae_jax.training.step import train_step
from avae_jax.transform.families import retract
from tests.support.cli import SMALL
from tests.support.tiny_vae import (
    BATCH,
    EXAMPLES,
    avae_of,
    compiled,
    images,
    searching,
    trained,
)

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
QUARTER = np.float32([[0, -1, 0], [1, 0, 0], [0, 0, 1]])


def test_never_visited_knows_no_pose():
    table = never_visited(5, 3)
    assert table.poses.shape == (5, 4, 4) and not table.known.any()
    np.testing.assert_array_equal(table.poses[2], np.eye(4))


def test_table_follows_the_examples_by_index():
    """Over epochs in other orders each example keeps its own row."""
    step, state = compiled("remembered")
    for epoch in range(2):
        order = np.random.default_rng(epoch).permutation(EXAMPLES)
        for rows in order.reshape(-1, BATCH):
            before = state.visited
            state, _ = step(state, images()[rows], rows)
            others = np.setdiff1d(np.arange(EXAMPLES), rows)
            assert state.visited.known[rows].all()
            for old, new in zip(
                jax.tree.leaves(before), jax.tree.leaves(state.visited), strict=True
            ):
                np.testing.assert_array_equal(old[others], new[others])
    turns = state.visited.poses[:, :2, :2]
    np.testing.assert_allclose(
        turns @ turns.swapaxes(1, 2), np.broadcast_to(np.eye(2), turns.shape), atol=1e-5
    )


def test_table_of_many_devices_is_that_of_one():
    """Each of four devices knows a part of the batch; two by two share examples."""
    random = np.random.default_rng(0)
    index = np.int32([[5, 20_000], [0, 4095]])
    poses = np.float32(random.normal(size=(2, 2, 3, 3)))
    table, axes = never_visited(20_001, 2), ("data", "starts")
    update = functools.partial(remembering, table, axes=axes)
    shared = jax.vmap(lambda i, p: update(i, p), axis_name="starts", axis_size=2, in_axes=None)
    each = jax.jit(jax.vmap(shared, axis_name="data"))(index, poses)
    alone = remembering(table, index.reshape(-1), poses.reshape(-1, 3, 3), axes=None)
    for device in np.ndindex(2, 2):
        jax.tree.map(lambda a, b, at=device: np.testing.assert_array_equal(a[at], b), each, alone)


def revisiting():
    """`revisited` by a model that is trained, compiled."""
    state, search, avae = trained("bank", 30)[0], searching("remembered"), avae_of()
    task = Task(state.params, avae, search, lambda: bank_of(state, avae=avae, search=search), None)
    return jax.jit(lambda *given: remembered.revisited(*given, task=task))


# One program serves the tests of eight examples.
once_compiled = functools.cache(revisiting)


def visit(table, step, rows, run=None):
    """The poses and the count of `revisited` for some examples."""
    keys, run = example_keys(jax.random.key(7), rows), run or once_compiled()
    return run(table, jnp.int32(step), rows, keys, keys, images()[rows])


@pytest.mark.full
def test_first_visit_searches_all_starts():
    state, rows = trained("bank", 30)[0], np.arange(8)
    search, avae = searching("remembered"), avae_of()
    poses, nonfinite = visit(never_visited(EXAMPLES, 2), 1, rows)
    keys = example_keys(jax.random.key(7), rows)
    bank = bank_of(state, avae=avae, search=search)
    find = jax.jit(functools.partial(find_poses, avae=avae, options=search, bank=bank))
    whole = find(state.params, keys, images()[rows], noise=keys)
    np.testing.assert_allclose(poses, whole.pose, atol=1e-4)
    assert nonfinite == 0


def test_visit_of_an_example_does_not_depend_on_its_batch():
    """Some examples have a pose, others are searched, at a step that searches no others."""
    rows = np.arange(8)
    table = remembering(
        never_visited(EXAMPLES, 2), np.arange(4), np.broadcast_to(QUARTER, (4, 3, 3)), axes=None
    )
    poses, _ = visit(table, 1, rows)
    # In other places, beside other examples.
    for others in (np.r_[0:4, 8:12], np.r_[12:16, 4:8], np.r_[6, 9, 2, 5, 13, 7, 14, 0]):
        found, _ = visit(table, 1, others)
        known = others < 8
        np.testing.assert_allclose(found[known], poses[others[known]], atol=1e-4)
    np.testing.assert_array_equal(poses[:4], np.broadcast_to(QUARTER, (4, 3, 3)))


def test_onward_turns_towards_the_optimum_and_not_far():
    """From both sides of the pose of the least loss."""
    state, rows, avae = trained("bank", 30)[0], np.arange(8), avae_of()
    best, _ = visit(never_visited(EXAMPLES, 2), 1, rows)

    @jax.jit
    def moved(poses):
        each = jax.vmap(lambda x, pose: explain(state.params, None, x, pose, avae=avae))
        drawn = each(images()[rows], poses)[1]
        return onward(state.params, images()[rows], poses, drawn, avae=avae)

    for angle in (-0.3, 0.3):
        begun = jax.vmap(lambda pose, a=angle: retract(avae.group, pose, jnp.array([a])))(best)
        turned = plane_angle(np.linalg.inv(begun) @ moved(begun))
        assert (np.abs(turned) <= np.degrees(remembered.FARTHEST) + 1e-3).all()
        assert np.median(turned * np.sign(angle)) < -1


def test_registered_poses_are_kept_as_they_are():
    state, rows = compiled("remembered")[1], np.arange(BATCH)
    poses = np.broadcast_to(QUARTER, (BATCH, 3, 3))
    step = functools.partial(
        train_step,
        avae=avae_of(),
        tx=optimiser(TrainOptions(steps=40, warmup=2, learning_rate=0.05)),
        search=searching("remembered"),
        pose_data=False,
    )
    state, _ = jax.jit(step)(state, images()[rows], rows, poses=poses)
    np.testing.assert_array_equal(state.visited.poses[rows], poses)
    assert state.visited.known.sum() == BATCH


def found_at(pose, losses):
    poses, none = jnp.broadcast_to(pose, (len(losses), 3, 3)), jnp.zeros(len(losses), int)
    return SearchResult(poses, losses, poses, losses, none, none, none)


@pytest.mark.parametrize("step, wins", [(1, [0, 0, 0, 0]), (3, [0, 0, 0, 1])])
def test_another_optimum_wins_by_a_margin_only(step, wins, monkeypatch):
    """At an update that searches all starts, and never between."""
    still, rows = jnp.eye(3), np.arange(4)
    near = 10 + remembered.MARGIN * jnp.float32([0, 0.9, 1, 1.1])

    def search(params, keys, x, **options):
        return found_at(QUARTER, jnp.full(len(x), 10.0))

    monkeypatch.setattr(remembered, "_losses", lambda *_, **__: near)
    monkeypatch.setattr(remembered, "find_poses", search)
    table = remembering(never_visited(4, 2), rows, jnp.broadcast_to(still, (4, 3, 3)), axes=None)
    poses, _ = visit(table, step, rows, revisiting())
    wanted = np.where(np.bool_(wins)[:, None, None], QUARTER, np.eye(3, dtype=np.float32))
    np.testing.assert_array_equal(poses, wanted)


def test_table_as_saved_takes_its_size_from_the_checkpoint():
    place = jnp.zeros(()).sharding
    arrays = {".visited.poses": "float32(48, 3, 3)", ".visited.known": "bool(48,)"}
    shapes = table_as_saved(None, arrays, place=place)
    assert shapes.poses.shape == (48, 3, 3) and shapes.known.shape == (48,)
    own = never_visited(5, 2)
    assert table_as_saved(own, arrays, place=place) is own
    assert table_as_saved(own, {}, place=place) is None
    endless = {**arrays, ".visited.poses": "float32(99999999999, 3, 3)"}
    assert table_as_saved(None, endless, place=place) is None


OVERRIDES = [f"{name}={value}" for name, value in SMALL.items()]
MORE = [
    "data.limit=96",
    "data.pose=as_is",
    "search.every=3",
    "train.steps=8",
    "train.synchronised=2",
]


class Log:
    """Keeps the state after one update."""

    loss, ended = None, False

    def __init__(self, at):
        self.at = at

    def after(self, step, state, metrics):
        if step == self.at:
            self.state = jax.device_get(with_raw_key(state))


def run(experiment, state, start, at):
    log = Log(at)
    updates.run_updates(experiment, state, start, log)
    return log.state


@pytest.mark.full
def test_training_goes_on_from_a_checkpoint_to_the_same_bits(tmp_path):
    config = files.apply_overrides(files.load_file("digits"), [*OVERRIDES, *MORE])
    experiment = prepare(files.to_options(config))
    begun = functools.partial(updates.first_state, experiment)
    whole, half = (run(experiment, begun(), 0, at) for at in (8, 5))
    assert half.visited.known.any() and not half.visited.known.all()
    with Checkpoints(tmp_path, keep=1, every=1) as saved:
        saved.save(5, half)
        saved.wait()
        state = restore(begun(), saved)
    jax.tree.map(np.testing.assert_array_equal, run(experiment, state, 5, 8), whole)


def test_checkpoint_without_a_table_begins_one(tmp_path):
    """Earlier versions remembered no poses."""
    state, begun = trained("bank", 30)[0], compiled("remembered")[1]
    with Checkpoints(tmp_path, keep=1, every=1) as saved:
        saved.save(30, with_raw_key(state))
        saved.wait()
        found = restore(begun, saved)
        other = restore(with_table(begun, None), saved)
    assert found.step == 30 and not found.visited.known.any()
    assert table_of(other) is None
