"""Progress bars: animated on a terminal, lines in a file."""

import contextlib
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

from avae_jax.core import sharding

_SILENT: ContextVar[bool] = ContextVar("silent", default=False)


def progress_bar(**options: Any) -> tqdm:
    """A bar that is animated on a terminal and writes occasional lines to a file."""
    interval = 0.2 if sys.stderr.isatty() else 15.0
    hidden = _SILENT.get() or not sharding.leads()
    return tqdm(mininterval=interval, disable=hidden, **options)


def without_compiling(bar: tqdm) -> None:
    """Makes a bar count its rate, and the time left, from the second step on.

    Called after the first step, in which programs are compiled, and before it is counted.
    """
    if not bar.disable:
        bar.initial = bar.n + 1
        bar.unpause()


@contextlib.contextmanager
def without_bars() -> Iterator[None]:
    """Inside `with`, no bar is drawn."""
    token = _SILENT.set(True)
    try:
        yield
    finally:
        _SILENT.reset(token)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Inside `with`, nothing is printed and no bar is drawn."""
    with without_bars(), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
