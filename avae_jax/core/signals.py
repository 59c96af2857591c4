"""Orderly shutdown at SIGTERM, which preemptible machines send, and at Ctrl-C."""

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
    """Context in which SIGTERM and the first SIGINT are recorded and do not end the process.

    Yields:
      A function of the number of finished updates, to be called after each: whether to stop
      now. Several processes stop after the same update, whichever of them got SIGTERM; SIGINT
      does not stop them.

    Raises:
      KeyboardInterrupt: at the end, if SIGINT came; with the message of `Preempted`, if
        SIGINT stopped the run.
    """
    if jax.process_count() > 1:
        # JAX handles the signal once the processes are connected, and tells the others.
        return contextlib.nullcontext(multihost_utils.reached_preemption_sync_point)
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may set signal handlers.
        return contextlib.nullcontext(lambda step: False)
    return _alone()


@contextlib.contextmanager
def _alone() -> Iterator[Callable[[int], bool]]:
    """`awaited` for a single process."""
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
    """Context that records the signal; SIGINT only if it would interrupt the process."""
    noted: list[int] = []
    before = signal.getsignal(number)
    if number == signal.SIGINT and before is not signal.default_int_handler:
        yield noted  # background jobs of a shell ignore it, and other programs may handle it
        return

    def note(number: int, frame: object) -> None:
        noted.append(number)
        if number == signal.SIGINT:
            signal.signal(number, before)
            os.write(2, PATIENCE)  # not `print`: its stream may be in the middle of a write

    signal.signal(number, note)
    try:
        yield noted
    finally:
        signal.signal(number, before)
