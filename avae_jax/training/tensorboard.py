"""TensorBoard events, written without a buffer.

The library's own writer has a thread that ends silently on a full disk; later calls then block
forever.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path


class Events:
    """A new file of events in `folder`.

    Args:
      purge_step: TensorBoard hides the events of other files from this step on.
    """

    def __init__(self, folder: Path, *, purge_step: int | None):
        # Imported on first use: it is slow.
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        folder.mkdir(exist_ok=True)
        # The process id keeps two starts within one second in separate files.
        self._file = EventsWriter(str(folder / "events"), f".{os.getpid()}")
        if purge_step is not None:
            begins = SessionLog(status=SessionLog.START)
            self._file.write_event(Event(step=purge_step, session_log=begins))

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Writes the scalars of one step."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=name, simple_value=value) for name, value in scalars.items()]
        self._file.write_event(
            Event(step=step, wall_time=time.time(), summary=Summary(value=values))
        )
        self._file.flush()

    def close(self) -> None:
        """Closes the file; everything is written."""
        self._file.close()
