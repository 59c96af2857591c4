"""Tests of `avae_jax.training.tensorboard`."""

from tensorboardX.proto.event_pb2 import Event

from avae_jax.training.workdir import WorkDir


def test_metrics_are_tensorboard_events(tmp_path):
    with WorkDir(tmp_path) as workdir:
        workdir.log(10, {"loss": 0.5, "phase": "first"})
    (file,) = (tmp_path / "tensorboard").iterdir()
    scalars = [
        (event.step, value.tag, value.simple_value)
        for event in map(Event.FromString, records(file.read_bytes()))
        for value in event.summary.value
    ]
    assert scalars == [(10, "loss", 0.5)]


def records(data):
    """The records of a TFRecord file: length, its checksum, bytes, their checksum."""
    while data:
        size = int.from_bytes(data[:8], "little")
        yield data[12 : 12 + size]
        data = data[16 + size :]
