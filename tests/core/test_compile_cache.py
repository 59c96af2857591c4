"""Tests of `avae_jax.core.compile_cache`."""

import subprocess
import sys
from pathlib import Path

import pytest

from avae_jax.core import compile_cache
from tests.support import ROOT

PROGRAM = """
import jax, jax.numpy as jnp
if {early}: jax.jit(lambda x: x + 1)(1.0)  # before the cache is asked for
from avae_jax.core.compile_cache import use
use(); use()
hits = []
jax.monitoring.register_event_listener(
    lambda name, **more: hits.append(name) if name.endswith("cache_hits") else None)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
print(jax.jit(lambda x: jnp.sin(x) @ jnp.cos(x))(jnp.arange(9.0)), len(hits) > 0)
"""


def ran(tmp_path, *, early=False, **variables):
    environment = {"PATH": "/usr/bin", "HOME": str(tmp_path / "home"), "JAX_PLATFORMS": "cpu"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM.format(early=early)],
        cwd=ROOT,
        env=environment | {name: str(value) for name, value in variables.items()},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.standard
def test_cache_serves_the_second_process_with_the_same_numbers(tmp_path):
    first = ran(tmp_path, early=True)
    second = ran(tmp_path)
    none = ran(tmp_path, AVAE_JAX_CACHE="off")
    assert list((tmp_path / "home" / ".cache" / "avae_jax").iterdir())
    texts = [each.stdout.split() for each in (first, second, none)]
    assert [text[1] for text in texts] == ["False", "True", "False"]
    assert len({text[0] for text in texts}) == 1
    assert first.stderr == second.stderr == none.stderr == ""


@pytest.mark.standard
def test_cache_that_cannot_be_written_is_said_once(tmp_path):
    (tmp_path / "file").write_text("")
    done = ran(tmp_path, AVAE_JAX_CACHE=tmp_path / "file" / "in")
    assert done.stderr.count("compiled programs are not kept") == 1
    assert "AVAE_JAX_CACHE=off" in done.stderr and done.stdout.split()[1] == "False"


@pytest.mark.standard
def test_cache_of_jax_itself_stays(tmp_path):
    ran(tmp_path, JAX_COMPILATION_CACHE_DIR=tmp_path / "own")
    assert (tmp_path / "own").exists() and not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"XDG_CACHE_HOME": "/somewhere"}, "/somewhere/avae_jax"),
        ({"AVAE_JAX_CACHE": "/else", "XDG_CACHE_HOME": "/somewhere"}, "/else"),
        ({"AVAE_JAX_CACHE": "OFF"}, None),
    ],
)
def test_cache_folder_by_the_environment(variables, wanted, monkeypatch):
    for name in ("AVAE_JAX_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert compile_cache.folder() == (wanted and Path(wanted))
