"""Real processes of the command line, alone or several that train together."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

# Without the evaluation at the end, whose programs take longer to compile than training.
TRAINING_ALONE = (
    "from avae_jax import main\nfrom avae_jax.training import loop\n"
    "loop.evaluate_and_report = lambda *finished: None\nmain._process()"
)


def with_devices(count):
    """The environment of a process with so many virtual devices of the CPU."""
    flags = os.environ.get("XLA_FLAGS", "")
    many = f"{flags} --xla_force_host_platform_device_count={count}"
    return os.environ | {"XLA_FLAGS": many.strip()}


def as_users_compile():
    """The environment of a process whose programs are those of users, to the bit."""
    quick = ("XLA_FLAGS", "JAX_DISABLE_MOST_OPTIMIZATIONS")
    return {name: value for name, value in os.environ.items() if name not in quick}


@contextlib.contextmanager
def compiled_in(folder):
    """Processes started inside `with` find in `folder` what others of them have compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(folder))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        patch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
        yield


def start(workdir, options, *, count=1, devices=1, evaluates=True, extra=()):
    """Starts `count` processes with so many devices each; returns them."""
    program = ["-m", "avae_jax.main"] if evaluates else ["-c", TRAINING_ALONE]
    overrides = [f"--config.{name}={value}" for name, value in options.items()]
    called = [sys.executable, *program, "--config", "digits", "--workdir", str(workdir)]
    port = free_port()
    return [
        subprocess.Popen(
            [*called, *overrides, *hosts(count, process, port), *extra],
            env=with_devices(devices),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for process in range(count)
    ]


def hosts(count, process, port):
    """The flags of one process of `count`."""
    if count == 1:
        return []
    where = ["--multihost", "--coordinator", f"localhost:{port}"]
    return [*where, "--processes", str(count), "--process", str(process)]


def free_port():
    """A port that nobody listens to."""
    with socket.socket() as listener:
        listener.bind(("", 0))
        return listener.getsockname()[1]


def ended(processes, *, seconds=300):
    """What each process wrote, `(status, stdout, stderr)`, once all have ended."""
    try:
        said = [process.communicate(timeout=seconds) for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, *texts) for process, texts in zip(processes, said, strict=True)]


def ran(*args, **keywords):
    """The outputs of processes that must all succeed."""
    results = ended(start(*args, **keywords))
    for status, _, stderr in results:
        assert status == 0, stderr
    return results


def wait_for(path, *, process, seconds=240):
    """Returns when `path` exists; fails if the process ends before."""
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, f"{path} does not come"
        time.sleep(0.05)


def terminate(process):
    """Sends the notice of preemption."""
    process.send_signal(signal.SIGTERM)


@contextlib.contextmanager
def interruptible():
    """Ctrl-C interrupts, here and in processes started inside, also where a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
