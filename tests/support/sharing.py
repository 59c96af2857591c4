"""What one worker makes and the others of the same session use."""

import fcntl
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> Any:
    """What `make(folder)` returns, called by the first worker that asks.

    Args:
      factory: pytest's `tmp_path_factory`.
      name: of the folder; the workers of a session share it.
    """
    base = factory.getbasetemp()
    # Each worker has a folder of its own in that of the session.
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    kept = base / f"{name}.pickle"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            (base / name).mkdir()
            kept.write_bytes(pickle.dumps(make(base / name)))
    return pickle.loads(kept.read_bytes())
