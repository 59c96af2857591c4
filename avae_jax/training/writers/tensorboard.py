"""TensorBoard events, written without a buffer.

The library's own writer has a thread that ends silently on a full disk; later calls then block
forever.
"""

import json
import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from avae_jax.training.writers.base import Run

FOLDER = "tensorboard"


class Events:
    """A new file of events; TensorBoard hides the events of earlier files from its step on."""

    def __init__(self, run: Run):
        # Imported on first use: it is slow.
        from tensorboardX.event_file_writer import EventsWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.summary import text

        folder = run.folder / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        # The process id keeps two starts within one second in separate files.
        self._file = EventsWriter(str(folder / "events"), f".{os.getpid()}")
        begins = Event(session_log=SessionLog(status=SessionLog.START))
        begins.step = run.step + 1 if run.step else 0
        self._file.write_event(begins)
        # Markdown takes lines that begin with four spaces as they are.
        shown = json.dumps(run.config, indent=2).replace("\n", "\n    ")
        self._write(run.step, text("config", f"    {shown}"))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Writes the scalars of one step."""
        from tensorboardX.proto.summary_pb2 import Summary

        made = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(step, Summary(value=made))

    def picture(self, step: int, name: str, pixels: np.ndarray) -> None:
        """Writes one picture, `uint8 [H, W, 3]`."""
        from tensorboardX.summary import image

        self._write(step, image(name, pixels, dataformats="HWC"))

    def _write(self, step: int, summary: Any) -> None:
        from tensorboardX.proto.event_pb2 import Event

        self._file.write_event(Event(step=step, wall_time=time.time(), summary=summary))
        self._file.flush()

    def close(self) -> None:
        """Closes the file; everything is written."""
        self._file.close()
