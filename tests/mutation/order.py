"""A plugin of pytest: the shortest tests first, each for a few times as long as it needs.

So what is noticed is noticed early, and a loop without end does not take the time of all tests.
"""

import json
import os
import signal
from pathlib import Path

import pytest

# Names the file that holds the seconds of every test; a run without it writes it.
FILE = "AVAE_TEST_SECONDS"
_known: dict[str, float] = {}
_seconds: dict[str, float] = {}


def limit(seconds: float) -> float:
    """The seconds for what takes `seconds` without a mutation; programs are compiled anew."""
    return 30 + 3 * seconds


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    path = Path(os.environ[FILE])
    _known.update(json.loads(path.read_text()) if path.exists() else {})
    items.sort(key=lambda item: _known.get(item.nodeid, 0))


def pytest_runtest_logstart(nodeid):
    """The alarm ends the process: compiled programs listen to nothing else."""
    if nodeid in _known:
        signal.setitimer(signal.ITIMER_REAL, limit(_known[nodeid]))


def pytest_runtest_logreport(report):
    _seconds[report.nodeid] = _seconds.get(report.nodeid, 0) + report.duration


def pytest_sessionfinish():
    signal.setitimer(signal.ITIMER_REAL, 0)
    path = Path(os.environ[FILE])
    if not path.exists():
        path.write_text(json.dumps(_seconds))
