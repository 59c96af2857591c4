"""Which tests look at a module, and a copy of the tree in which they run."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.mutation.order import FILE
from tests.support import ROOT

COPIED = ("avae_jax", "benchmarks", "configs", "docs", "tests", "README.md", "pyproject.toml")
# Tests of modules that have none of their name, or that are tried through another.
EXTRA = {
    "alignment/class_losses.py": ("alignment/test_class_averages.py",),
    "alignment/levels.py": ("data/test_precision.py",),
    "data/formats/mrc.py": ("data/test_precision.py", "data/formats/test_mrc_bytes.py"),
    "data/formats/relion_particles.py": ("data/formats/test_star.py",),
    "data/intensity.py": ("data/test_loading.py", "data/test_precision.py"),
    "data/missing.py": ("models/test_observed.py",),
    "inference/averaging/classes.py": ("inference/averaging/test_align.py",),
    "inference/averaging/condition.py": ("inference/averaging/test_align.py",),
    "inference/averaging/disc.py": ("inference/averaging/test_align.py",),
    "inference/averaging/em.py": ("inference/averaging/test_align.py",),
    "inference/averaging/local.py": (
        "inference/averaging/test_modes.py",
        "inference/averaging/test_align.py",
    ),
    "inference/averaging/near.py": (
        "inference/averaging/test_result.py",
        "inference/averaging/test_align.py",
    ),
    "inference/averaging/split.py": ("inference/averaging/test_align.py",),
    "inference/search/gauss_newton.py": ("inference/search/test_registration.py",),
    "inference/search/registration.py": ("inference/search/test_nonfinite.py",),
    "inference/search/search.py": (
        "inference/search/test_batching.py",
        "inference/search/test_nonfinite.py",
    ),
    "models/affine_model.py": ("models/test_objective.py",),
}


class Outcome(NamedTuple):
    """What a run of the tests came to.

    Attributes:
      passed: whether all tests passed in time.
      by: the first test that failed, `time limit`, or the last line that pytest wrote.
    """

    passed: bool
    seconds: float
    by: str


def tests_of(module: Path) -> list[str]:
    """Test files, relative to the root, of a module relative to the package."""
    own = f"{module.parent}/test_{module.name}".removeprefix("./")
    names = [own, *EXTRA.get(module.as_posix(), ())]
    return [f"tests/{name}" for name in names if (ROOT / "tests" / name).exists()]


class Copy:
    """A copy of the tree, whose modules may be changed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        self.root.mkdir()
        for name in COPIED:
            source, to = ROOT / name, self.root / name
            if source.is_dir():
                shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, to)
        programs = str(ROOT / ".pytest_cache" / "programs")
        self.environment = {"JAX_COMPILATION_CACHE_DIR": programs, **os.environ}
        self.environment |= {"PYTHONPATH": str(self.root), FILE: str(folder / "seconds.json")}

    def write(self, file: Path, text: str) -> None:
        """Puts `text` in the place of a module, and no compiled one beside it."""
        target = self.root / file
        target.write_text(text)
        for old in (target.parent / "__pycache__").glob(f"{target.stem}.*"):
            old.unlink()

    def run(self, tests: list[str], *, limit: float | None) -> Outcome:
        """Runs tests of all rings until the first failure, for at most `limit` seconds."""
        options = ["-x", "-q", "-n", "0", "--tb=no", "-p", "no:cacheprovider", "-m", ""]
        command = [sys.executable, "-m", "pytest", *options, "-p", "tests.mutation.order", *tests]
        began = time.monotonic()
        with subprocess.Popen(
            command,
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=limit)
                passed, by = process.returncode == 0, first_failure(said)
                by = "time limit" if process.returncode == -signal.SIGALRM else by
            except subprocess.TimeoutExpired:
                passed, by = False, "time limit"
            finally:
                end(process)
        return Outcome(passed, time.monotonic() - began, by)


def first_failure(said: str) -> str:
    """The test that failed, or what pytest wrote last."""
    lines = [line for line in said.splitlines() if line.strip()] or ["nothing written"]
    failed = [line.split()[1] for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return (failed or lines[-1:])[0]


def end(process: subprocess.Popen) -> None:
    """Ends a process with all that it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
