"""Packages of npm that tests need, installed once; without npm a test skips."""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess

import pytest

from tests.support import ROOT

HERE = ROOT / "tests" / "support"
WANTED, RULES = HERE / "package.json", "eslint.config.mjs"


def npm():
    """npm; installed where that is possible, without it a test skips."""
    found = shutil.which("npm")
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        get = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-q", "-y"]
        quiet = {"capture_output": True, "timeout": 300, "check": False}
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run([*get, "update"], **quiet)
            subprocess.run([*get, "install", "--no-install-recommends", "npm"], **quiet)
        found = shutil.which("npm")
    if not found:
        pytest.skip("npm is not installed: `apt-get install npm` as root brings it")
    return found


def packages():
    """The folder of the packages of `package.json`; a test skips if npm cannot get them."""
    content = WANTED.read_bytes() + (HERE / RULES).read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    folder = ROOT / ".pytest_cache" / f"node-{digest}"
    folder.mkdir(parents=True, exist_ok=True)
    # Workers of pytest wait for each other.
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _install(folder)
    return folder / "node_modules"


def _install(folder):
    shutil.copy(WANTED, folder)
    command = [npm(), "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        pytest.skip(f"npm cannot install {WANTED.name}: {(done.stderr or done.stdout)[-200:]}")
    shutil.copy(HERE / RULES, folder)
    (folder / "done").touch()


def lint(script, name):
    """What ESLint says of a script; empty if all is well."""
    tool = packages() / "eslint" / "bin" / "eslint.js"
    done = subprocess.run(
        ["node", tool, "--stdin", "--stdin-filename", name, "--max-warnings", "0"],
        input=script,
        capture_output=True,
        text=True,
        cwd=tool.parents[3],
        check=False,
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
