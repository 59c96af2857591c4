"""`align`: aligns a stack by a trained model."""

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

from avae_jax.alignment.calibration import calibration_of
from avae_jax.alignment.compute import compute
from avae_jax.alignment.job import Work, columns_of, is_first_version, job_of
from avae_jax.alignment.model_frame import Framing, cut_off, framing, require_fit
from avae_jax.alignment.output_dir import claimed, job_in, require_free
from avae_jax.alignment.quarter_turns import quarter_turns, told
from avae_jax.alignment.results import files_of, finish, names_of
from avae_jax.alignment.stack_statistics import Survey, require_unchanged, survey
from avae_jax.alignment.trial_write import require_writable
from avae_jax.config.modes import Request
from avae_jax.config.options import Options
from avae_jax.core.errors import InputError
from avae_jax.data.dataset import require_range
from avae_jax.data.formats import Stack, open_stack
from avae_jax.data.intensity import scaling_of
from avae_jax.inference.trained import Trained
from avae_jax.models.affine_model import AVAE
from avae_jax.training import restore
from avae_jax.training.calibration import Found, found_calibration
from avae_jax.training.workdir import WorkDir
from avae_jax.transform.lie import brackets


def align(options: Options, workdir: Path, request: Request) -> None:
    """Aligns a stack by the model of a work directory.

    Raises:
      InputError: the model, the stack or the output cannot be used, or does not fit the others.
    """
    folder = WorkDir(workdir)
    kept = folder.saved_options().data
    # The axes and the no-data value of a stack may differ from those of the training data.
    own = {"axes": kept.axes, "nodata": kept.nodata, "nan": kept.nan}
    data = dataclasses.replace(options.data, **own)
    folder.compare(dataclasses.replace(options, data=data))
    with asked(request, options) as (stack, names):
        as_before = is_first_version(job_in(request.output) or {})
        trained, _ = restore.load_with_options(workdir, op_by_op=as_before)
        _align(stack, names, trained, options, request, found_calibration(workdir))


def align_by(trained: Trained, options: Options, request: Request) -> None:
    """Aligns a stack by a model that was trained with `options`; errors as for `align`."""
    with asked(request, options) as (stack, names):
        _align(stack, names, trained, options, request)


@contextlib.contextmanager
def asked(request: Request, options: Options) -> Iterator[tuple[Stack, tuple[str, ...]]]:
    """The stack of a request and the names of its results, which the output does not hold yet.

    Raises:
      InputError: the stack cannot be read or written, or the output holds other files or
        the stack itself.
    """
    with open_stack(request.input, options.data.axes) as stack:
        require_apart(stack.path, request.output)
        _require_apart_files(stack, request.output)
        names = names_of(stack, reconstructions=request.reconstructions)
        require_free(request.output, files_of(stack, names), overwrite=request.overwrite)
        require_writable(stack, request.output)
        yield stack, names


def _align(
    stack: Stack,
    names: tuple[str, ...],
    trained: Trained,
    options: Options,
    request: Request,
    found: Found | None = None,
) -> None:
    work = work_of(stack, trained, options, reconstructions=request.reconstructions)
    if request.uncertainty:
        brackets(trained.avae.group)
        calibration, note = calibration_of(work, found)
        print(note)
        work = work._replace(uncertain=True, calibration=calibration)
    run(work, names, request)


def work_of(stack: Stack, trained: Trained, options: Options, *, reconstructions: bool) -> Work:
    """The work of aligning a stack by a model that was trained with `options`; says how.

    Raises:
      InputError: the model cannot read the stack.
    """
    require_fit(stack, avae=trained.avae, data=options.data)
    print(f"{stack.name}: {stack.shape[0]:,} examples. {stack.note}", flush=True)
    for note in stack.notes:
        print(note)
    print(end=cut_off(stack, data=options.data))
    surveyed = survey(stack, options.data)
    print(end=surveyed.note and f"{surveyed.note} Results keep this value there.\n")
    trained = _masked(trained, surveyed)
    seen = framing_of(stack, surveyed, trained.avae, options)
    return Work(stack, seen, surveyed, trained, options, reconstructions)


def run(work: Work, names: tuple[str, ...], request: Request) -> None:
    """Aligns the stack of `work`; an interrupted alignment continues."""
    files = files_of(work.stack, names)
    with claimed(request.output, job_of(work), files, overwrite=request.overwrite) as output:
        if output.finished is not None:
            print(f"output {request.output}: finished before, nothing to do")
            return
        require_room(work, request.output, begun=output.done > 0)
        columns = columns_of(work, output.rows)
        rows_of = compute(work, columns, output)
        require_unchanged(work.stack, work.surveyed.digest)
        stable = told(quarter_turns(work, rows_of, columns["poses"]))
        finish(work, columns, output, names, stable)


def _masked(trained: Trained, surveyed: Survey) -> Trained:
    """A model that scores observed pixels only, if some pixels were not observed."""
    return trained._replace(avae=trained.avae._replace(masked=surveyed.gone > 0))


def require_apart(source: Path, output: Path) -> None:
    """Checks that results do not replace the stack and do not lie in it.

    Raises:
      InputError: they do.
    """
    # The input may be a link: neither the link nor its target may be overwritten.
    held = {source.parent.resolve(), source.resolve().parent}
    source, output = source.resolve(), output.resolve()
    if output == source or output in held or source in output.parents:
        raise InputError(
            f"output {output}: holds the input {source}, or lies in it; another directory is wanted"
        )


def _require_apart_files(stack: Stack, output: Path) -> None:
    """Checks that no example lies in the output, through a link or a name in a table."""
    keys = stack.keys if stack.path.is_dir() else ()
    files: list[str | Path] = [name.rpartition("@")[2] for name in stack.images]
    files = files or [stack.path / key for key in keys]
    for folder in {Path(file).parent for file in files}:
        real = folder.resolve()
        if output.resolve() in (real, *real.parents):
            raise InputError(
                f"output {output}: holds examples of the input {stack.path}, in {folder}; another "
                "directory is wanted"
            )


def require_room(work: Work, output: Path, *, begun: bool) -> None:
    """Checks that the disk can hold the results twice: as rows and in their format.

    Args:
      begun: an earlier start has allocated the rows.

    Raises:
      InputError: gives the free and the needed space.
    """
    wanted = work.stack.bytes * (1 + work.reconstructions) * (1 if begun else 2)
    free = shutil.disk_usage(output).free
    if wanted > free:
        raise InputError(
            f"output {output}: {free >> 20:,} MiB free on its disk; {-(-wanted >> 20):,} "
            "are wanted during the alignment, half of them afterwards"
        )


def framing_of(stack: Stack, surveyed: Survey, avae: AVAE, options: Options) -> Framing:
    """How a model that was trained with `options` sees a stack; says what becomes of its values.

    Raises:
      InputError: values that the model cannot score.
    """
    scaling, said = scaling_of(
        stack.dtype,
        surveyed.least,
        surveyed.largest,
        name=stack.name,
        window=options.data.window,
    )
    print(said)
    if not scaling.clip:
        span = scaling.high - scaling.low
        low, high = ((v - scaling.low) / span for v in (surveyed.least, surveyed.largest))
        require_range(low, high, options.model.likelihood, name=stack.name)
    seen = framing(stack, scaling, avae=avae, data=options.data)
    return seen._replace(missing=surveyed.missing)
