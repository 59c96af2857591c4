"""Every test runs on the CPU, with JAX as strict as it can be, from a cold start."""

import os
from pathlib import Path

import jax
import pytest

from avae_jax.training.aot.topology import ASKED
from tests.support.cli import run
from tests.support.processes import compiled_in

# In the environment too, for the processes that tests start.
os.environ["JAX_PLATFORMS"] = "cpu"
jax.config.update("jax_platforms", "cpu")
# The compiler for TPUs, where a process may choose its platform, would look for one and complain.
os.environ |= ASKED
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_enable_compilation_cache", False)
os.environ["AVAE_JAX_CACHE"] = "off"


@pytest.fixture(scope="session")
def avae_data() -> Path:
    """The folder of MNIST and ModelNet10; without it a test skips."""
    folder = os.environ.get("AVAE_DATA")
    if not folder:
        pytest.skip("AVAE_DATA is not set: it names the folder that holds mnist/ and modelnet10/")
    if not Path(folder).is_dir():
        pytest.skip(f"AVAE_DATA={folder} is no folder: it should hold mnist/ and modelnet10/")
    return Path(folder)


@pytest.fixture(scope="session")
def programs(tmp_path_factory) -> Path:
    """Where processes of all modules find programs that others have compiled."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture(scope="session")
def digits(tmp_path_factory, programs):
    """A small run of digits, trained and evaluated by the command line, and what it said."""
    workdir = tmp_path_factory.mktemp("digits") / "run"
    with compiled_in(programs):
        done = run("digits", workdir, cwd=workdir.parent, eval__explored="true")
    assert done.returncode == 0, done.stderr
    return workdir, done


@pytest.fixture(scope="module")
def for_an_optimiser():
    """Programs run few times here: to optimise them would take longer than it saves.

    The optimiser mixes its integer count with floats, so promotion is the usual one.
    """
    jax.config.update("jax_disable_most_optimizations", True)
    with jax.numpy_dtype_promotion("standard"):
        yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def quick_to_compile():
    """Programs run few times here: to optimise them would take longer than it saves."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def compiled_once(programs):
    """Programs compiled by one process serve the others."""
    with compiled_in(programs):
        yield
