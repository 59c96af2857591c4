"""Reads TensorBoard files."""

from tensorboardX.proto.event_pb2 import Event


def events_in(workdir):
    """The events of the only file under `tensorboard/`."""
    (file,) = (workdir / "tensorboard").iterdir()
    return [Event.FromString(record) for record in records(file.read_bytes())]


def records(data):
    """The records of a TFRecord file: length, its checksum, bytes, their checksum."""
    while data:
        size = int.from_bytes(data[:8], "little")
        yield data[12 : 12 + size]
        data = data[16 + size :]
