"""Tests of `avae_jax.training.synchronised`."""

import numpy as np
import pytest

from avae_jax.config import files
from avae_jax.inference.synchronisation.poses import Agreed
from avae_jax.training import synchronised, updates
from avae_jax.training.experiment import prepare
from tests.support.cli import SMALL

pytestmark = [pytest.mark.standard, pytest.mark.usefixtures("for_an_optimiser")]
OVERRIDES = [f"{name}={value}" for name, value in SMALL.items()]


def prepared(*overrides):
    config = files.apply_overrides(files.load_file("digits"), [*OVERRIDES, *overrides])
    return prepare(files.to_options(config))


@pytest.mark.parametrize(
    ("overrides", "count"),
    [
        (("train.steps=10", "train.synchronised=2"), 2),
        (("train.steps=10", "train.synchronised=20"), 10),
        (("train.steps=10", "train.synchronised=0"), 0),
        (("train.steps=10", "train.search=false"), 0),
        (("train.steps=10", "family=translation"), 0),
    ],
)
def test_synchronised_updates_are_a_share_of_those_that_search(overrides, count):
    assert synchronised.synchronised_updates(prepared(*overrides)) == count


def test_synchronise_takes_examples_as_training_does_and_repeats_itself():
    given, turned = prepared("data.pose=as_is"), prepared("data.pose=random")
    registered = synchronised.synchronise(given)
    rows = {row.tobytes() for row in given.dataset.train}
    assert len(registered.poses) == len(registered.examples) == len(given.dataset.train)
    assert {row.tobytes() for row in registered.examples} == rows
    first, again = synchronised.synchronise(turned), synchronised.synchronise(turned)
    assert not {row.tobytes() for row in first.examples} & rows
    np.testing.assert_array_equal(first.examples, again.examples)
    np.testing.assert_array_equal(first.poses, again.poses)


def test_synchronise_gives_up_where_examples_have_nothing_in_common(capsys):
    experiment = prepared("data.pose=as_is")
    noise = np.random.default_rng(0).random(experiment.dataset.train.shape, np.float32)
    dataset = experiment.dataset._replace(train=noise)
    assert synchronised.synchronise(experiment._replace(dataset=dataset)) is None
    assert "too little to be registered" in capsys.readouterr().out


def test_synchronise_takes_poses_that_are_just_confirmed(monkeypatch):
    experiment = prepared("data.pose=as_is")
    poses = np.tile(np.eye(3), (len(experiment.dataset.train), 1, 1))

    def registered(confirmed):
        agreed = Agreed(poses, confirmed)
        monkeypatch.setattr(synchronised, "agreed_poses", lambda examples, avae: agreed)
        return synchronised.synchronise(experiment)

    assert registered(np.nextafter(synchronised.CONFIRMED, 0)) is None
    np.testing.assert_array_equal(registered(synchronised.CONFIRMED).poses, poses)


def test_synchronised_batch_pairs_examples_with_their_poses():
    experiment = prepared()
    registered = synchronised.synchronise(experiment)
    x, index, poses = synchronised.synchronised_batch(experiment, registered, 1)
    np.testing.assert_array_equal(x, registered.examples[np.asarray(index)])
    np.testing.assert_array_equal(poses, registered.poses[np.asarray(index)])


@pytest.mark.full
def test_run_updates_from_the_middle_of_the_synchronised_ones_is_the_same():
    experiment = prepared("train.steps=4", "train.synchronised=3", "log.every=1")
    seen = []

    class Log:
        loss, ended = None, False

        def after(self, step, state, metrics):
            seen.append((step, float(metrics["loss"])))
            self.state = updates.jax.device_get(state) if step == 2 else getattr(self, "state", 0)

    log = Log()
    updates.run_updates(experiment, updates.first_state(experiment), 0, log)
    whole, seen[:] = list(seen), []
    resumed = experiment._replace(state=log.state)
    updates.run_updates(resumed, updates.first_state(resumed), 2, Log())
    assert seen == whole[2:] and np.isfinite([loss for _, loss in whole]).all()
