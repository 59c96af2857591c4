"""Persistent cache of compiled programs, so that each is compiled once on a machine."""

import contextlib
import functools
import os
import sys
import tempfile
import warnings
from pathlib import Path

VARIABLE = "AVAE_JAX_CACHE"
OFF = ("off", "0", "none")
# Small programs are many, so that all are kept.
LEAST_SECONDS = 0.0
# What a program takes at most, more or less: a disk with less room is full.
PROBE = 2**20


def folder() -> Path | None:
    """Where the environment wants compiled programs; `None` where it wants none kept."""
    named = os.environ.get(VARIABLE, "")
    if named.lower() in OFF:
        return None
    if named:
        return Path(named).expanduser()
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home) / "avae_jax"


@functools.cache
def use() -> None:
    """Turns the cache on, once in a process.

    A cache that JAX was told of (`JAX_COMPILATION_CACHE_DIR`) stays as it is. A folder that
    cannot be written is no reason to fail: that is said, and programs are compiled each time.
    """
    import jax

    config, wanted = jax.config, folder()
    known = config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    enabled = config.jax_enable_compilation_cache  # type: ignore[attr-defined]
    if wanted is None or known is not None or not enabled:
        return
    try:
        _require_room(wanted)
    except OSError as error:
        reason = error.strerror or error
        print(
            f"avae_jax: compiled programs are not kept, {wanted}: {reason}; {VARIABLE}=DIR names "
            f"another folder, {VARIABLE}=off none",
            file=sys.stderr,
        )
        return
    config.update("jax_compilation_cache_dir", str(wanted))
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        config.update("jax_persistent_cache_min_compile_time_secs", LEAST_SECONDS)
    _begin_anew()


def _require_room(path: Path) -> None:
    """Raises `OSError` where a program could not be written."""
    path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=path) as file:
        file.write(bytes(PROBE))
        file.flush()


def _begin_anew() -> None:
    """Makes JAX look at its settings again, which it reads once, and what fails later no noise."""
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation")
    with contextlib.suppress(ImportError, AttributeError):
        from jax.experimental.compilation_cache import compilation_cache

        compilation_cache.reset_cache()
