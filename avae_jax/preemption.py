"""An orderly end at SIGTERM, the notice that preemptible machines give."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

import jax
from jax.experimental import multihost_utils


@contextlib.contextmanager
def awaited() -> Iterator[Callable[[int], bool]]:
    """Inside `with`, SIGTERM does not end the process but is noted.

    Yields:
      A function of the number of updates done, to be called after each: whether to stop
      here. Several processes stop after the same update, whichever of them was told.
    """
    if jax.process_count() > 1:
        # JAX takes the signal itself from when the processes joined, and tells the others.
        yield multihost_utils.reached_preemption_sync_point
    elif threading.current_thread() is not threading.main_thread():
        yield lambda step: False  # only the main thread may say what a signal does
    else:
        noted = []
        before = signal.signal(signal.SIGTERM, lambda number, frame: noted.append(number))
        try:
            yield lambda step: bool(noted)
        finally:
            signal.signal(signal.SIGTERM, before)
