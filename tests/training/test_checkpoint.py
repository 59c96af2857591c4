"""Checkpoints: the same bits back, the newest sound one, and no noise."""

import os
import shutil
import signal
import subprocess
import sys

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from absl import logging

from avae_jax.core.errors import InputError
from avae_jax.training import checkpoint_seal
from avae_jax.training.checkpoint import Checkpoints
from tests.support import ROOT
from tests.support.damaged_files import cut, flip, garble


class State(flax.struct.PyTreeNode):
    """A small state with everything that a real one holds."""

    step: jax.Array
    params: dict
    opt_state: tuple
    key: jax.Array


@jax.jit
def state_at(step):
    """A state whose every entry is random and depends on `step`."""
    w, b, half = jax.random.split(jax.random.key(step), 3)
    params = {
        "w": jax.random.normal(w, (60, 50)),
        "b": jax.random.normal(b, (50,)),
        "half": jax.random.normal(half, (3,), jnp.bfloat16),
    }
    tx = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.constant_schedule(1e-3)))
    key = jax.random.key_data(jax.random.key(step))
    return State(jnp.asarray(step, jnp.int32), params, tx.init(params), key)


def assert_same_bits(found, wanted):
    assert jax.tree.structure(found) == jax.tree.structure(wanted)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        assert isinstance(one, jax.Array)
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


def saved(folder, *steps, keep=3):
    with Checkpoints(folder, keep=keep, every=1) as checkpoints:
        for step in steps:
            assert checkpoints.save(step, state_at(step))
    return folder


@pytest.fixture(scope="module")
def of_one(tmp_path_factory):
    """A folder with a checkpoint, to be copied: to save anew takes longer."""
    return saved(tmp_path_factory.mktemp("one") / "new" / "folder", 10)


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """The same with two."""
    return saved(tmp_path_factory.mktemp("two") / "new" / "folder", 10, 20)


def copied(source, target):
    shutil.copytree(source, target, dirs_exist_ok=True)


def test_checkpoints_restore_the_same_bits(of_two):
    """What is restored is what was saved to the bit."""
    with Checkpoints(of_two, keep=3, every=1) as checkpoints:
        state, step = checkpoints.restore_latest(state_at(0))
    assert step == 20
    assert_same_bits(state, state_at(20))


def test_checkpoints_are_sealed_by_one_process_of_several(tmp_path, monkeypatch):
    """A process that follows writes no seal over that of the one that leads."""
    saved(tmp_path / "leads", 10)
    monkeypatch.setattr("avae_jax.core.sharding.leads", lambda: False)
    saved(tmp_path / "follows", 10)
    sealed = [path.parent.parent.name for path in tmp_path.rglob(checkpoint_seal.NAME)]
    assert sealed == ["leads"]


def test_checkpoints_restore_from_shapes(of_one):
    """Shapes are template enough."""
    with Checkpoints(of_one, keep=3, every=1) as checkpoints:
        state, _ = checkpoints.restore_latest(jax.eval_shape(lambda: state_at(0)))
    assert_same_bits(state, state_at(10))


def test_checkpoints_nothing_to_restore_is_none(tmp_path):
    with Checkpoints(tmp_path, keep=3, every=1) as checkpoints:
        assert checkpoints.restore_latest(state_at(0)) is None


def test_checkpoints_save_when_due_or_forced(tmp_path):
    """A checkpoint is saved when due or forced."""
    with Checkpoints(tmp_path, keep=9, every=5) as checkpoints:
        done = [step for step in range(1, 13) if checkpoints.save(step, state_at(step))]
        assert done == [5, 10]
        assert checkpoints.save(12, state_at(12), force=True)
        assert not checkpoints.save(12, state_at(12), force=True)
        checkpoints.wait()
        assert checkpoints.steps() == [5, 10, 12]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "12", "5"]


def test_checkpoints_delete_the_oldest(tmp_path):
    saved(tmp_path, 1, 2, 3, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2", "3"]


def test_checkpoints_let_the_state_be_donated(tmp_path):
    """The state may be donated while it is saved."""
    state = {"w": jnp.arange(2_000_000.0)}
    wanted = np.array(state["w"])
    erase = jax.jit(lambda s: jax.tree.map(lambda x: x * 0 - 1, s), donate_argnums=0)
    with Checkpoints(tmp_path, keep=1, every=1) as checkpoints:
        checkpoints.save(1, state)
        template = jax.block_until_ready(erase(state))
        restored, _ = checkpoints.restore_latest(template)
    np.testing.assert_array_equal(restored["w"], wanted)


@pytest.mark.parametrize("damage", [cut, flip, garble])
def test_checkpoints_damaged_newest_gives_way(damage, of_two, tmp_path, capfd):
    """A damaged newest gives way to the one before."""
    copied(of_two, tmp_path)
    damage(tmp_path / "20")
    with Checkpoints(tmp_path, keep=3, every=1) as checkpoints:
        with pytest.warns(UserWarning, match=f"checkpoint {tmp_path / '20'}: "):
            state, step = checkpoints.restore_latest(state_at(0))
        assert step == 10
        assert_same_bits(state, state_at(10))
        assert (tmp_path / "20").exists()
        assert checkpoints.save(20, state_at(21))
    with Checkpoints(tmp_path, keep=3, every=1) as checkpoints:
        state, step = checkpoints.restore_latest(state_at(0))
    assert step == 20
    assert_same_bits(state, state_at(21))
    assert capfd.readouterr() == ("", "")


def test_checkpoints_none_readable_is_said(of_two, tmp_path):
    """Where none can be read there is none and it is said."""
    copied(of_two, tmp_path)
    cut(tmp_path / "10")
    flip(tmp_path / "20")
    with Checkpoints(tmp_path, keep=3, every=1) as checkpoints:
        with pytest.warns(UserWarning) as warned:
            assert checkpoints.restore_latest(state_at(0)) is None
        assert [str(one.message).split(":")[0] for one in warned] == [
            f"checkpoint {tmp_path / '20'}",
            f"checkpoint {tmp_path / '10'}",
            f"checkpoints {tmp_path}",
        ]
        # Until there is a new one, they stay for whoever can make something of them.
        assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "20"]
        assert checkpoints.save(10, state_at(10))
    assert [path.name for path in tmp_path.iterdir()] == ["10"]


@pytest.mark.parametrize(
    "params",
    [{"w": np.ones((60, 40))}, {"w": np.ones((60, 50), jnp.bfloat16)}, {"v": np.ones(3)}],
)
def test_checkpoints_of_another_model_refused(params, of_one, tmp_path):
    """A state of another model is refused."""
    copied(of_one, tmp_path)
    state = state_at(0)
    other = state.replace(params=state.params | params)
    with Checkpoints(tmp_path, keep=3, every=1) as checkpoints:
        with pytest.raises(InputError, match="checkpoint .*10: holds .* is wanted"):
            checkpoints.restore_latest(other)
    assert [path.name for path in tmp_path.iterdir()] == ["10"]


@pytest.mark.standard
def test_checkpoints_killed_while_saving_keep_the_last(tmp_path):
    """A process killed while saving leaves the last good one."""
    code = (
        "import sys, jax.numpy as jnp\n"
        "from avae_jax.training.checkpoint import Checkpoints\n"
        "checkpoints = Checkpoints(sys.argv[1], keep=2, every=1)\n"
        "for step in range(1, 10_000):\n"
        "    checkpoints.save(step, {'w': jnp.full(500_000, float(step))})\n"
        "    print(step, flush=True)\n"
    )
    command = [sys.executable, "-B", "-c", code, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as other:
        while int(other.stdout.readline()) < 5:
            pass
        other.send_signal(signal.SIGKILL)
    with Checkpoints(tmp_path, keep=2, every=1) as checkpoints:
        state, step = checkpoints.restore_latest({"w": jnp.zeros(500_000)})
    assert step >= 3
    np.testing.assert_array_equal(state["w"], np.full(500_000, step, np.float32))


@pytest.mark.standard
def test_checkpoints_are_quiet(tmp_path):
    """Saving and restoring are quiet."""
    code = (
        "import sys, jax.numpy as jnp\n"
        "from avae_jax.training.checkpoint import Checkpoints\n"
        "for step in (1, 2):\n"
        "    with Checkpoints(sys.argv[1], keep=1, every=1) as checkpoints:\n"
        "        checkpoints.restore_latest({'w': jnp.zeros(3)})\n"
        "        checkpoints.save(step, {'w': jnp.ones(3)})\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", code, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"", b"")


def test_checkpoints_leave_logging_as_they_found_it(tmp_path):
    """While they are open nothing is logged."""
    before = logging.get_verbosity()
    with Checkpoints(tmp_path, keep=1, every=1):
        assert logging.get_verbosity() == logging.FATAL
    assert logging.get_verbosity() == before != logging.FATAL


def rated(folder, **losses):
    """Checkpoints `step_N=loss`, each saved in a life of its own as after interruptions."""
    for name, loss in losses.items():
        step = int(name.removeprefix("step_"))
        with Checkpoints(folder, keep=1, every=1) as checkpoints:
            assert checkpoints.save(step, state_at(step), loss=loss)
    return folder


def test_checkpoints_keep_the_best_and_restore_it(tmp_path):
    """The best is kept beside the newest and restored when asked for."""
    rated(tmp_path, step_1=5.0, step_2=3.0, step_3=4.0, step_4=3.0, step_5=3.5)
    with Checkpoints(tmp_path, keep=1, every=1) as checkpoints:
        # Of two that are equally good the newer.
        assert checkpoints.steps() == [4, 5]
        state, step = checkpoints.restore_best(state_at(0))
        assert checkpoints.restore_latest(state_at(0))[1] == 5
    assert step == 4
    assert_same_bits(state, state_at(4))


def test_checkpoints_damaged_best_gives_way(tmp_path):
    """A damaged best makes way for the next best."""
    rated(tmp_path, step_1=1.0, step_2=3.0)
    cut(tmp_path / "1")
    with Checkpoints(tmp_path, keep=2, every=1) as checkpoints:
        with pytest.warns(UserWarning, match="1: .* truncated, garbled or gone"):
            state, step = checkpoints.restore_best(state_at(0))
        # To look for the best is not to go back to it: the newest stays.
        assert checkpoints.save(3, state_at(3), loss=2.0)
        checkpoints.wait()
        assert {2, 3} <= set(checkpoints.steps())
    assert step == 2
    assert_same_bits(state, state_at(2))


def test_checkpoints_without_losses_have_no_best(of_two):
    """Without losses there is no best."""
    with Checkpoints(of_two, keep=3, every=1) as checkpoints:
        assert checkpoints.restore_best(state_at(0)) is None


def test_checkpoints_of_equal_losses_the_newest_is_the_best(tmp_path):
    with Checkpoints(tmp_path, keep=3, every=1) as checkpoints:
        for step in (1, 2, 3):
            checkpoints.save(step, state_at(step), loss=2.0)
        checkpoints.wait()
        state, step = checkpoints.restore_best(state_at(0))
    assert step == 3
    assert_same_bits(state, state_at(3))


def test_checkpoints_readers_leave_a_save_under_way(of_two, tmp_path):
    """A training may be saving there: what it has begun stays, and nothing is written."""
    copied(of_two, tmp_path)
    begun = tmp_path / "30.orbax-checkpoint-tmp" / "state"
    begun.mkdir(parents=True)
    (begun / "half").write_bytes(b"half")

    def seen():
        return {path: path.stat().st_mtime_ns for path in (tmp_path, *tmp_path.rglob("*"))}

    before = seen()
    with Checkpoints(tmp_path, keep=1, every=1, reads=True) as checkpoints:
        assert checkpoints.restore_latest(state_at(0))[1] == 20
    assert seen() == before
