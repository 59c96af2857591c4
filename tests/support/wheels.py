"""The package as users get it: a wheel, built from the sources and installed in a folder."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT

SOURCES = ("setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md")


def installed_wheel(folder: Path) -> Path:
    """A folder for `PYTHONPATH` with the installed wheel alone, inside of `folder`."""
    source, target = folder / "source", folder / "target"
    for name in ("avae_jax", "configs"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *offline, "--no-build-isolation", "-w", str(folder), str(source)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("avae_jax-*.whl")
    install = [*pip, "install", *offline, "--target", str(target), str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    return target
