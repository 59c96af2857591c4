"""Modes of the command line, and the request to align a stack."""

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from avae_jax.config import files
from avae_jax.config.choices import SOURCES, WRITERS, stack_forms
from avae_jax.config.options import Options, values
from avae_jax.core.errors import InputError

# Modes that read a stack: with a trained model, or with a model trained on the stack first.
ALIGNING = ("align", "fit-align")
# The config of `fit-align` if none is named.
CONFIG = "stack"
STACK, SWITCHES = ("input", "output"), ("reconstructions", "uncertainty", "overwrite")
# What finds the poses in `fit-align`: class averages where noise hides the objects, else a VAE.
METHODS = ("auto", "averages", "model")
# Half sets whose averages are correlated: aligned to the same averages, or each by itself.
HALVES = ("together", "apart")
FITTING = ("method", "classes", "halves")
TRAINING, HOSTS = ("train", "evaluate"), ("multihost",)
MODES = (*TRAINING, *ALIGNING, "compare", "plan")
# Flags that each mode needs, and flags that it accepts; other modes refuse them.
NEEDED = {**dict.fromkeys(ALIGNING, STACK), "compare": ("runs",), "plan": ("topology",)}
TAKEN = {
    "align": SWITCHES,
    "fit-align": (*SWITCHES, *FITTING),
    **dict.fromkeys(TRAINING, HOSTS),
    "compare": ("output",),
    "plan": ("json",),
}


class Request(NamedTuple):
    """A stack to align, and the directory of the results.

    Attributes:
      input: a file, a folder, `FILE:DATASET` or `MESHES:VOXELS`.
      reconstructions: also write the decoded objects.
      uncertainty: also say in the table how well each pose is known.
      overwrite: delete the unchanged files of an earlier alignment in `output`.
      method: what finds the poses in `fit-align`, one of `METHODS`.
      classes: number of class averages, 0 for as many as pay for themselves.
      halves: of the class averages, one of `HALVES`.
    """

    input: str
    output: Path
    reconstructions: bool = False
    uncertainty: bool = False
    overwrite: bool = False
    method: str = "auto"
    classes: int = 0
    halves: str = "together"


def request_of(mode: str, flags: Mapping[str, Any]) -> Request | None:
    """The request of `flags`, `None` for a mode that reads no stack.

    Raises:
      InputError: names the flags that are missing or that the mode refuses.
    """
    _require_use(mode, flags)
    if mode not in ALIGNING:
        return None
    switches = {name: flags[name] for name in SWITCHES}
    method, classes = flags["method"] or "auto", flags["classes"] or 0
    if classes < 0:
        raise InputError(f"--classes {classes}: wanted 1 or more")
    if classes and method == "model":
        raise InputError(f"--classes {classes}: wanted with --method averages, a VAE has none")
    halves = flags["halves"] or "together"
    if halves == "apart" and method == "model":
        raise InputError("--halves apart: wanted with --method averages, a VAE has none")
    return Request(
        flags["input"],
        Path(flags["output"]),
        **switches,
        method=method,
        classes=classes,
        halves=halves,
    )


def _require_use(mode: str, flags: Mapping[str, Any]) -> None:
    """Checks that all flags that a mode needs are given, and none that it refuses."""
    needed = NEEDED.get(mode, ())
    known = {name for names in (*NEEDED.values(), *TAKEN.values()) for name in names}
    idle = known - {*needed, *TAKEN.get(mode, ())}
    given = [f"--{name}" for name in flags if name in idle and flags[name]]
    if given:
        raise InputError(f"{mode}: has no use for {', '.join(given)}")
    missing = [f"--{name}" for name in needed if not flags[name]]
    if missing:
        raise InputError(f"{mode}: wants {' and '.join(missing)}")


def require_inputs(options: Options, request: Request | None, *, trains: bool = False) -> None:
    """Checks that files to be read are there, before anything slow is imported.

    Args:
      trains: the packages of `log.writers` are wanted too.

    Raises:
      InputError: names the one that is missing.
    """
    if trains:
        require_writers(options)
    if request is not None:
        if not _is_there(request.input):
            raise InputError(
                f"{request.input}: no such file; a readable stack ({', '.join(stack_forms())}, or "
                "a folder of images, volumes or meshes) is wanted"
            )
        return
    kind, _, argument = options.data.source.partition(":")
    if SOURCES.constant(kind, "argument", "") == "DIR" and not _is_there(argument):
        raise InputError(
            f"{argument}: no such folder; one with the four IDX files is wanted: set AVAE_DATA to "
            "the folder that holds it, or data.source to data of your own"
        )
    if SOURCES.constant(kind, "argument", "") == "PATH" and not _is_there(argument):
        what = "folder; one" if kind == "folder" else "file; one"
        raise InputError(
            f"{argument}: no such {what} that data.source={kind}:PATH can read is wanted"
        )


def require_writers(options: Options) -> None:
    """Checks that the packages of `log.writers` are installed.

    Raises:
      InputError: names the first that is missing, and what installs it.
    """
    for name in options.log.writers or ():
        package = WRITERS.constant(name, "package", "")
        if package and importlib.util.find_spec(package) is None:
            extra = WRITERS.constant(name, "extra")
            raise InputError(
                f"log.writers={name}: wants the package {package}, "
                f'pip install "avae_jax[{extra}]" brings it'
            )


def _is_there(text: str) -> bool:
    """Whether a path exists, or the part of it before what is chosen of a file."""
    try:
        paths = [Path(part).expanduser() for part in (text, text.rpartition(":")[0]) if part]
    except RuntimeError:
        return True  # no such home folder, which the reader says
    return any(path.exists() or path.is_symlink() for path in paths)


def untouched(options: Options, overrides: Iterable[str]) -> frozenset[str]:
    """Names of the fields with the default of `fit-align` that no override sets."""
    begun = values(files.to_options(files.load_file(CONFIG)))
    given = {override.partition("=")[0] for override in overrides}
    alike = (name for name, value in values(options).items() if value == begun[name])
    return frozenset(alike) - given
