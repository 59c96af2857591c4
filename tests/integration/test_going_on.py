"""Trainings that are told to end, killed, continued or damaged go on to the same bits."""

import shutil
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest

from avae_jax.core.errors import Preempted
from avae_jax.training.experiment import prepare
from avae_jax.training.restore import saved_state
from avae_jax.training.workdir import WorkDir
from tests.support.cli import ALONE, lines_of
from tests.support.damaged_files import cut, garble
from tests.support.processes import interruptible
from tests.support.trainings import sealed, train

pytestmark = pytest.mark.standard
# Lines of the log lie between checkpoints, and of a run that ended some after its last one.
OPTIONS = {**ALONE, "train.steps": 8, "log.checkpoint_every": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """`whole`, a run not interrupted, and what there was of it before updates 6 and 8."""
    folder = tmp_path_factory.mktemp("going_on")

    def left(step, saved):
        sealed(folder / "whole", saved)
        shutil.copytree(folder / "whole", folder / f"before_{step}")

    acts = {6: lambda: left(6, 3), 8: lambda: left(8, 6)}
    assert train(folder / "whole", OPTIONS, acts=acts) == 0
    return folder


def weights(run):
    options = WorkDir(run).saved_options()
    with jax.numpy_dtype_promotion("standard"):
        begun = prepare(options, abstract=True).state
        return jax.tree.leaves(saved_state(begun, options, WorkDir(run)).params)


def assert_same_end(run, whole):
    assert lines_of(run) == lines_of(whole)
    for one, other in zip(weights(run), weights(whole), strict=True):
        np.testing.assert_array_equal(one, other)


def test_run_told_by_sigterm_goes_on_to_the_same_bits(folder, tmp_path, capsys):
    told = {5: lambda: signal.raise_signal(signal.SIGTERM)}
    assert train(tmp_path, OPTIONS, acts=told) == 143
    said = "avae_jax: preempted, saved after step 5; the same command continues from there\n"
    assert capsys.readouterr().err.endswith(said)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"3", "5"}
    assert train(tmp_path, OPTIONS) == 0
    assert_same_end(tmp_path, folder / "whole")


def test_run_told_by_ctrl_c_saves_what_was_done(tmp_path, capfd):
    with interruptible():
        told = {5: lambda: signal.raise_signal(signal.SIGINT)}
        assert train(tmp_path, OPTIONS, acts=told) == 130
    said = capfd.readouterr().err
    assert "Ctrl-C again ends at once" in said
    assert said.endswith(
        "avae_jax: interrupted, saved after step 5; the same command continues from there\n"
    )
    assert (tmp_path / "checkpoints" / "5").exists()


def test_run_killed_ends_alike(folder, tmp_path):
    """What a process leaves that is killed before it records update 6."""
    run = shutil.copytree(folder / "before_6", tmp_path / "run")
    assert [line["step"] for line in lines_of(run)] == [2, 3, 4]
    assert train(run, OPTIONS) == 0
    assert_same_end(run, folder / "whole")


@pytest.mark.parametrize("damage, steps", [(garble, [6]), (cut, [3, 6])])
def test_checkpoints_damaged_give_way_to_the_same_end(damage, steps, folder, tmp_path):
    """The newest to the one before; all of them to a new beginning."""
    run = shutil.copytree(folder / "before_8", tmp_path / "run")
    for step in steps:
        damage(run / "checkpoints" / str(step))
    with pytest.warns(UserWarning) as warned:
        assert train(run, OPTIONS) == 0
    said = [str(one.message) for one in warned]
    for step in steps:
        assert any(text.startswith(f"checkpoint {run / 'checkpoints'}/{step}: ") for text in said)
    assert any("none can be read" in text for text in said) == (len(steps) > 1)
    assert_same_end(run, folder / "whole")


def test_warnings_of_the_command_have_no_line_of_code():
    code = "import warnings\nfrom avae_jax import main\n"
    code += "main._process(lambda: warnings.warn('checkpoint x: is garbled') or 143)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (143, "avae_jax: checkpoint x: is garbled\n")


def test_run_continued_gives_the_same_bits(digits, folder, tmp_path):
    """More steps go on to the same bits as an uninterrupted run."""
    run = shutil.copytree(digits[0], tmp_path / "run")
    assert train(run, OPTIONS) == 0
    lines = {line["step"]: line for line in lines_of(run)}
    whole = {line["step"]: line for line in lines_of(folder / "whole")}
    assert list(lines) == [2, 4, 6, 8]
    assert lines == {step: whole[step] for step in lines}
    for one, other in zip(weights(run), weights(folder / "whole"), strict=True):
        np.testing.assert_array_equal(one, other)


def test_sigterm_ends_the_evaluation_and_the_same_command_makes_it(folder, tmp_path, capsys):
    run, begun = shutil.copytree(folder / "whole", tmp_path / "run"), []

    def told(experiment, state, workdir, calls, trained):
        signal.raise_signal(signal.SIGTERM)
        for call in calls:
            with pytest.raises(Preempted):
                call()
            begun.append(call)
        calls[0]()

    assert train(run, OPTIONS, evaluate=told) == 143
    assert len(begun) > 1
    assert capsys.readouterr().err.endswith(
        "avae_jax: preempted, the trained model is saved; the same command evaluates it\n"
    )
    seen = []
    assert train(run, OPTIONS, evaluate=lambda experiment, state, *_: seen.append(state)) == 0
    assert [int(state.step) for state in seen] == [8]
