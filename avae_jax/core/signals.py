"""Orderly shutdown at SIGTERM, the notice of preemptible machines, and at Ctrl-C."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import jax
from jax.experimental import multihost_utils

from avae_jax.core.errors import Preempted

PATIENCE = b"\navae_jax: saving what was done; Ctrl-C again ends at once, without\n"


def awaited() -> AbstractContextManager[Callable[[int], bool]]:
    """Inside `with`, SIGTERM and the first SIGINT do not end the process but are noted.

    Yields:
      A function of the number of updates done, to be called after each: whether to stop
      here. Several processes stop after the same update, whichever of them was told; they
      are told by SIGTERM alone.

    Raises:
      KeyboardInterrupt: at the end, if SIGINT came; with the message of `Preempted`, if the
        run has been stopped by it.
    """
    if jax.process_count() > 1:
        # JAX takes the signal itself from when the processes joined, and tells the others.
        return contextlib.nullcontext(multihost_utils.reached_preemption_sync_point)
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may say what a signal does.
        return contextlib.nullcontext(lambda step: False)
    return _alone()


@contextlib.contextmanager
def _alone() -> Iterator[Callable[[int], bool]]:
    """`awaited` of a process that works alone."""
    with _noting(signal.SIGTERM) as terminated, _noting(signal.SIGINT) as interrupted:
        try:
            yield lambda step: bool(terminated or interrupted)
        except Preempted as error:
            if interrupted:
                raise KeyboardInterrupt(str(error)) from error
            raise
    if interrupted:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _noting(number: signal.Signals) -> Iterator[list[int]]:
    """Inside `with`, notes that the signal came; a SIGINT only where it would interrupt."""
    noted: list[int] = []
    before = signal.getsignal(number)
    if number == signal.SIGINT and before is not signal.default_int_handler:
        yield noted  # a shell's background job ignores it, others may listen themselves
        return

    def note(number: int, frame: object) -> None:
        noted.append(number)
        if number == signal.SIGINT:
            signal.signal(number, before)
            os.write(2, PATIENCE)  # a stream may be in the middle of a write

    signal.signal(number, note)
    try:
        yield noted
    finally:
        signal.signal(number, before)
