"""Checkpoints: the same bits back, the newest sound one, and no noise."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from avae_jax.core.errors import InputError
from avae_jax.training.checkpoint import Checkpoints

ROOT = Path(__file__).resolve().parent.parent


class State(flax.struct.PyTreeNode):
    """A small state with everything that a real one holds."""

    step: jax.Array
    params: dict
    opt_state: tuple
    key: jax.Array


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
    return State(jnp.array(step, jnp.int32), params, tx.init(params), key)


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


def largest_file(folder):
    return max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)


def cut(folder):
    file = largest_file(folder)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(folder):
    file = largest_file(folder)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def garble(folder):
    for file in folder.rglob("*"):
        if file.is_file():
            file.write_bytes(b"garbled")


def test_what_is_restored_is_what_was_saved_to_the_bit(tmp_path):
    saved(tmp_path / "new" / "folder", 10, 20)
    with Checkpoints(tmp_path / "new" / "folder", keep=3, every=1) as checkpoints:
        state, step = checkpoints.restore_latest(state_at(0))
    assert step == 20
    assert_same_bits(state, state_at(20))


def test_shapes_are_template_enough(tmp_path):
    saved(tmp_path, 10)
    with Checkpoints(tmp_path, keep=3, every=1) as checkpoints:
        state, _ = checkpoints.restore_latest(jax.eval_shape(lambda: state_at(0)))
    assert_same_bits(state, state_at(10))


def test_nothing_to_restore_is_none(tmp_path):
    with Checkpoints(tmp_path, keep=3, every=1) as checkpoints:
        assert checkpoints.restore_latest(state_at(0)) is None


def test_a_checkpoint_is_saved_when_due_or_forced(tmp_path):
    with Checkpoints(tmp_path, keep=9, every=5) as checkpoints:
        done = [step for step in range(1, 13) if checkpoints.save(step, state_at(step))]
        assert done == [5, 10]
        assert checkpoints.save(12, state_at(12), force=True)
        assert not checkpoints.save(12, state_at(12), force=True)
        checkpoints.wait()
        assert checkpoints.steps() == [5, 10, 12]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "12", "5"]


def test_the_oldest_go(tmp_path):
    saved(tmp_path, 1, 2, 3, 4, keep=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "4"]


def test_the_state_may_be_donated_while_it_is_saved(tmp_path):
    state = {"w": jnp.arange(2_000_000.0)}
    wanted = np.array(state["w"])
    erase = jax.jit(lambda s: jax.tree.map(lambda x: x * 0 - 1, s), donate_argnums=0)
    with Checkpoints(tmp_path, keep=1, every=1) as checkpoints:
        checkpoints.save(1, state)
        template = jax.block_until_ready(erase(state))
        restored, _ = checkpoints.restore_latest(template)
    np.testing.assert_array_equal(restored["w"], wanted)


@pytest.mark.parametrize("damage", [cut, flip, garble])
def test_a_damaged_newest_gives_way_to_the_one_before(damage, tmp_path, capfd):
    saved(tmp_path, 10, 20)
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


def test_where_none_can_be_read_there_is_none_and_it_is_said(tmp_path):
    saved(tmp_path, 10, 20)
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
    [{"w": jnp.ones((60, 40))}, {"w": jnp.ones((60, 50), jnp.bfloat16)}, {"v": jnp.ones(3)}],
)
def test_a_state_of_another_model_is_refused(params, tmp_path):
    saved(tmp_path, 10)
    state = state_at(0)
    other = state.replace(params=state.params | params)
    with Checkpoints(tmp_path, keep=3, every=1) as checkpoints:
        with pytest.raises(InputError, match="checkpoint .*10: holds .* is wanted"):
            checkpoints.restore_latest(other)
    assert [path.name for path in tmp_path.iterdir()] == ["10"]


def test_a_process_killed_while_saving_leaves_the_last_good_one(tmp_path):
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


def test_saving_and_restoring_are_quiet(tmp_path):
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


def rated(folder, **losses):
    """Checkpoints `step_N=loss`, each saved in a life of its own as after interruptions."""
    for name, loss in losses.items():
        step = int(name.removeprefix("step_"))
        with Checkpoints(folder, keep=1, every=1) as checkpoints:
            assert checkpoints.save(step, state_at(step), loss=loss)
    return folder


def test_the_best_is_kept_beside_the_newest_and_restored_when_asked_for(tmp_path):
    rated(tmp_path, step_1=5.0, step_2=3.0, step_3=4.0, step_4=3.0, step_5=3.5)
    with Checkpoints(tmp_path, keep=1, every=1) as checkpoints:
        # Of two that are equally good the newer.
        assert checkpoints.steps() == [4, 5]
        state, step = checkpoints.restore_best(state_at(0))
        assert checkpoints.restore_latest(state_at(0))[1] == 5
    assert step == 4
    assert_same_bits(state, state_at(4))


def test_a_damaged_best_makes_way_for_the_next_best(tmp_path):
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


def test_without_losses_there_is_no_best(tmp_path):
    saved(tmp_path, 1, 2)
    with Checkpoints(tmp_path, keep=3, every=1) as checkpoints:
        assert checkpoints.restore_best(state_at(0)) is None
