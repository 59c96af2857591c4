"""Three rings of tests, and the CPU seconds that a test of each may take.

A test without a marker is `quick`. `full_cases` names the cases of a parametrised test that only
the full ring runs. The limits are generous: they notice a test that lies in the wrong ring, and a
slow machine does not decide.
"""

import contextlib
import ctypes
import gc
import resource
import sys
import time
from pathlib import Path

import pytest

# CPU seconds of the process and the processes it started, for one test without its fixtures.
LIMITS = {"full": 1800, "standard": 240, "quick": 20}
# Beyond so many bytes a worker drops its compiled programs after a file of tests, and again when
# it has taken so many more: what modules and their data take does not return.
MEMORY, MORE, STATM = 1_200_000_000, 400_000_000, Path("/proc/self/statm")

ALLOWED = pytest.StashKey[int]()


def ring_of(item: pytest.Item) -> str:
    """The ring that the closest marker names, or `full` for a case of `full_cases`."""
    cases = item.get_closest_marker("full_cases")
    if cases and item.callspec.id in cases.args:  # type: ignore[attr-defined]
        return "full"
    marks = (mark.name for mark in item.iter_markers() if mark.name in LIMITS)
    return next(marks, "quick")


def cpu_seconds() -> float:
    """CPU seconds so far, those of processes that have ended too."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Long tests come first, so that no worker is left alone with one."""
    for item in items:
        item.add_marker(ring_of(item))
    items.sort(key=lambda item: list(LIMITS).index(ring_of(item)))


def pytest_collection_finish():
    """Tracing makes millions of objects that nobody need look for: a quarter of its time."""
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def memory() -> int:
    """Bytes of this process in memory; 0 where `/proc` does not say."""
    if not STATM.exists():
        return 0
    return int(STATM.read_text().split()[1]) * resource.getpagesize()


def forget_programs():
    """Drops compiled programs and returns their memory: two megabytes a program."""
    if "jax" in sys.modules:
        sys.modules["jax"].clear_caches()
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def pytest_runtest_teardown(item, nextitem):
    """Between files, so that no test loses what its neighbours have compiled."""
    ended = nextitem is None or nextitem.path != item.path
    if ended and memory() > item.config.stash.get(ALLOWED, MEMORY):
        forget_programs()
        item.config.stash[ALLOWED] = max(MEMORY, memory() + MORE)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests of a file stay with one worker, which has compiled what they share."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    began, ring = cpu_seconds(), ring_of(item)
    outcome = yield
    took = cpu_seconds() - began
    if took > LIMITS[ring]:
        pytest.fail(f"{took:.1f} CPU seconds; a test marked {ring} may take {LIMITS[ring]}")
    return outcome
