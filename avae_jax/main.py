"""The command line: flags in, exit status out.

Slow imports come after the checks of flags and config, so that help and errors appear at once.
"""

import argparse
import contextlib
import errno
import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from avae_jax.config import files
from avae_jax.config.completion import completion
from avae_jax.config.flags import (
    DEFAULT_CONFIG,
    list_options,
    parser,
    words_of_command,
)
from avae_jax.config.help_texts import COMMAND_USAGE
from avae_jax.config.modes import CONFIG, TRAINING, Request, request_of, require_inputs, untouched
from avae_jax.config.options import Options
from avae_jax.core import compile_cache
from avae_jax.core.errors import DistributedError, InputError, NumericalError, Preempted
from avae_jax.training.workdir import MODEL, WorkDir

OVERRIDE = "--config."
# Errors of a full or read-only disk.
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
STATUS: dict[type[Exception], int] = {
    InputError: 2,
    NumericalError: 1,
    DistributedError: 1,
    Preempted: 143,
}


def main(arguments: Sequence[str] | None = None, *, usage: str = "") -> int:
    """Runs the command line and returns the exit status.

    Args:
      usage: of the command, if not that of `python -m avae_jax.main`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    overrides = [text.removeprefix(OVERRIDE) for text in given if text.startswith(OVERRIDE)]
    reads = parser(usage=usage)
    for name in (text for text in overrides if "=" not in text):
        # Otherwise argparse would report the value after a space as an unknown argument.
        reads.error(f"override {name!r}: wanted path.to.field=value, without spaces")
    flags = reads.parse_args([text for text in given if not text.startswith(OVERRIDE)])
    try:
        if flags.list_options or flags.print_completion:
            shell = flags.print_completion
            print(list_options() if flags.list_options else completion(shell))
            return 0
        _run(flags, overrides)
    except tuple(STATUS) as error:
        told = "preempted, " if isinstance(error, Preempted) else ""
        print(f"avae_jax: {told}{error}", file=sys.stderr)
        return next(status for kind, status in STATUS.items() if isinstance(error, kind))
    except OSError as error:
        if error.errno not in DISK:
            raise
        place = error.filename or "the disk"
        print(f"avae_jax: {place}: cannot be written, {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        said = str(stop) or "the same command continues from the saved state"
        print(f"avae_jax: interrupted, {said}", file=sys.stderr)
        return 130
    return 0


def _run(flags: argparse.Namespace, overrides: Sequence[str]) -> None:
    request = request_of(flags.mode, vars(flags))
    if flags.mode == "compare":
        from avae_jax.report import comparison

        return comparison.write(flags.runs, Path(flags.output or comparison.PAGE))
    with _said():
        options, workdir = _chosen(flags, overrides, request)
    if flags.print_config:
        print(json.dumps(files.to_dict(options), indent=2))
        return
    require_inputs(options, request, trains=flags.mode in ("train", "fit-align"))
    _choose_platform("cpu" if flags.mode == "plan" else flags.platform)
    _join(flags)
    _require_platform(flags.platform)
    compile_cache.use()
    # Imported this late because they bring JAX and all that stands on it.
    if flags.mode == "plan":
        from avae_jax.training import aot

        aot.plan(options, flags.topology, flags.json and Path(flags.json))
    elif flags.mode in TRAINING:
        _train(flags.mode, options, workdir)
    elif request is not None:
        from avae_jax import alignment

        if flags.mode == "align":
            return alignment.align(options, workdir, request)
        free = untouched(options, overrides)
        alignment.fit_align(options, workdir, request, untouched=free)


def _chosen(
    flags: argparse.Namespace, overrides: Sequence[str], request: Request | None
) -> tuple[Options, Path]:
    """The config with its overrides, and the work directory."""
    fits = flags.mode == "fit-align"
    unnamed = CONFIG if fits else DEFAULT_CONFIG
    name = unnamed if flags.config is None else flags.config
    workdir = request.output / MODEL if fits and request else Path("runs") / Path(name).stem
    workdir = workdir if flags.workdir is None else Path(flags.workdir)
    if flags.workdir == "":
        raise InputError("--workdir: empty, wanted a directory")
    goes_on = flags.mode == "train" and flags.workdir and (workdir / "config.json").exists()
    if flags.config is None and (goes_on or flags.mode in ("evaluate", "align")):
        chosen = files.to_config(WorkDir(workdir).saved_options())
    else:
        chosen = files.load_file(name)
    return files.to_options(files.apply_overrides(chosen, overrides)), workdir


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """Prints warnings, for example about a renamed choice, without the line of code."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        finally:
            for warning in caught:
                print(f"avae_jax: {warning.message}", file=sys.stderr)


def _train(mode: str, options: Options, workdir: Path) -> None:
    """Trains or evaluates, alone or as one of many processes, of which one prints."""
    from avae_jax.core import sharding
    from avae_jax.training import loop

    work: Callable[[Options, Path], object] = getattr(loop, mode)
    with contextlib.ExitStack() as open_files:
        if not sharding.leads():
            nowhere = open_files.enter_context(open(os.devnull, "w"))
            open_files.enter_context(contextlib.redirect_stdout(nowhere))
        with sharding.together():
            work(options, workdir)


def _choose_platform(name: str) -> None:
    """Makes JAX compute on `name`; `auto` leaves the choice to JAX."""
    import jax

    # JAX reads the name gpu as every kind of GPU and fails if one kind is missing.
    # By default it prefers the present kind to the CPU.
    platforms = {"cpu": "cpu", "gpu": None, "tpu": "tpu"}
    chosen = jax.config.jax_platforms  # type: ignore[attr-defined]
    named = chosen if name == "auto" else platforms[name]
    # The cost of a search is always counted by the CPU compiler.
    if named and "cpu" not in named.split(","):
        named += ",cpu"
    jax.config.update("jax_platforms", named)


def _require_platform(name: str) -> None:
    """Checks that JAX finds the chosen device; this starts JAX.

    Raises:
      InputError: no such device.
    """
    import jax

    # If the environment names several devices, JAX skips the missing ones.
    said = jax.config.jax_platforms  # type: ignore[attr-defined]
    named = (said or "").split(",")[0] or None
    try:
        jax.devices(named if name == "auto" else name)
    except (RuntimeError, AssertionError) as error:
        asked = "JAX_PLATFORMS" if name == "auto" else f"--platform {name}"
        raise InputError(
            f"{asked}: no such device on this machine, or JAX is not installed for it"
        ) from error


def _join(flags: argparse.Namespace) -> None:
    """Connects to the other processes, with --multihost.

    Raises:
      InputError: flags about other processes without --multihost.
      DistributedError: the processes do not connect.
    """
    from avae_jax.core import sharding

    told = {name: getattr(flags, name) for name in ("coordinator", "processes", "process")}
    if flags.multihost:
        sharding.join(**told)
        return
    for name, value in told.items():
        if value is not None:
            raise InputError(f"--{name} {value}: wanted together with --multihost")


def command() -> None:
    """`avae MODE ...`, also `python -m avae_jax MODE ...`."""
    try:
        words = words_of_command(sys.argv[1:])
    except InputError as error:
        print(f"avae_jax: {error}", file=sys.stderr)
        sys.exit(2)
    _process(lambda: main(words, usage=COMMAND_USAGE))


def _process(run: Callable[[], int] = main) -> None:
    """The whole process: runs the command line and exits with its status."""
    # A sentence is enough, without the line of code.
    warnings.formatwarning = lambda message, *_, **__: f"avae_jax: {message}\n"
    # Names of files need not be text, and printing them must not fail.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = run()
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read the output has seen enough, as `head` has.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except Exception:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    if status in (1, 2, 130):
        # An orderly exit would wait for other processes, which wait for this one, and for
        # threads that still try to save and print further errors.
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    _process()
