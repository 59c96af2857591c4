"""Every test runs on the CPU, with JAX as strict as it can be; compiled programs are shared."""

import contextlib
import io
import os
import platform
import subprocess
from pathlib import Path

import jax
import pytest

from avae_jax import main
from avae_jax.training.aot.topology import ASKED
from tests.support import ROOT
from tests.support.cli import command
from tests.support.sharing import made_once

pytest_plugins = ["tests.support.rings"]
# Programs that one process compiles serve all others: workers, commands and later runs.
PROGRAMS = {
    "jax_compilation_cache_dir": str(ROOT / ".pytest_cache" / "programs"),
    "jax_persistent_cache_min_compile_time_secs": 0,
    # They run few times: to optimise them would take longer than it saves.
    "jax_disable_most_optimizations": True,
}
# Half of the time of a compiler goes into fused loops, which few tests run often. Without its
# optimisations and with fused multiply-adds, the older loops would round one position in two
# ways (docs/project/open.md): the programs of tests have no such instructions.
OLDER_LOOPS = "--xla_cpu_use_fusion_emitters=false --xla_cpu_max_isa=AVX"
# A program compiled in one piece takes a fifth less than in several.
ONE_PIECE = "--xla_cpu_parallel_codegen_split_count=1"
if platform.machine() == "x86_64":
    os.environ.setdefault("XLA_FLAGS", f"{OLDER_LOOPS} {ONE_PIECE}")

# In the environment too, for the processes that tests start.
os.environ["JAX_PLATFORMS"] = "cpu"
jax.config.update("jax_platforms", "cpu")
# The compiler for TPUs, where a process may choose its platform, would look for one and complain.
os.environ |= ASKED
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
for name, value in PROGRAMS.items():
    if name.upper() not in os.environ:
        os.environ[name.upper()] = str(value)
        jax.config.update(name, value)
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
def digits(tmp_path_factory):
    """A small run of digits, trained and evaluated by the command line, and what it said.

    In this process, whose programs take less to trace; the full ring has the same in others.
    """

    def train(folder):
        workdir, out, err = folder / "run", io.StringIO(), io.StringIO()
        wanted = {"eval__explored": "true", "log__writers": "tensorboard,csv"}
        called = command("digits", workdir, **wanted)[3:]
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.chdir(folder))
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(err))
            stack.enter_context(jax.numpy_dtype_promotion("standard"))
            status = main.main(called)
        assert status == 0, err.getvalue()
        return workdir, subprocess.CompletedProcess(called, 0, out.getvalue(), err.getvalue())

    return made_once(tmp_path_factory, "digits", train)


@pytest.fixture(scope="module")
def for_an_optimiser():
    """The optimiser mixes its integer count with floats, so promotion is the usual one."""
    with jax.numpy_dtype_promotion("standard"):
        yield
