"""Tests of `avae_jax.training.writers.tensorboard`."""

import numpy as np
from tensorboardX.proto.event_pb2 import Event

from avae_jax.training.writers.base import Run
from avae_jax.training.writers.tensorboard import Events
from tests.support.event_files import events_in


def test_tensorboard_holds_scalars_a_picture_and_the_config(tmp_path):
    writer = Events(Run(tmp_path, {"seed": 3}, 0))
    writer.scalars(10, {"loss": 0.5})
    writer.picture(20, "held_out", np.zeros((4, 6, 3), np.uint8))
    writer.close()
    config, loss, picture = [
        (event.step, value) for event in events_in(tmp_path) for value in event.summary.value
    ]
    assert config[0] == 0 and config[1].metadata.plugin_data.plugin_name == "text"
    assert b'"seed": 3' in config[1].tensor.string_val[0]
    assert (loss[0], loss[1].tag, loss[1].simple_value) == (10, "loss", 0.5)
    assert (picture[0], picture[1].tag) == (20, "held_out")
    assert (picture[1].image.height, picture[1].image.width) == (4, 6)


def test_tensorboard_hides_what_a_cut_off_run_wrote_later(tmp_path):
    """A new run hides everything, one that goes on what is later than its step."""
    for step, hidden in ((0, 0), (40, 41)):
        Events(Run(tmp_path / str(step), {}, step)).close()
        (begins,) = (e for e in events_in(tmp_path / str(step)) if e.HasField("session_log"))
        assert isinstance(begins, Event) and begins.step == hidden
