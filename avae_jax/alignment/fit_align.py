"""`fit-align`: finds the poses of a stack from the stack alone, then aligns it."""

from pathlib import Path

from avae_jax.alignment.align import align, asked, run
from avae_jax.alignment.auto_options import suited
from avae_jax.alignment.class_averages import asked_of, averaged
from avae_jax.alignment.job import inputs_of
from avae_jax.alignment.noise import is_noisy
from avae_jax.alignment.output_dir import RESULT, job_in, require_free
from avae_jax.alignment.results import files_of, names_of
from avae_jax.alignment.stack_statistics import survey
from avae_jax.config.modes import Request
from avae_jax.config.options import Options, fields
from avae_jax.config.validation import check
from avae_jax.core.errors import InputError
from avae_jax.data.formats import Stack
from avae_jax.training import loop
from avae_jax.training.workdir import WorkDir


def fit_align(
    options: Options, workdir: Path, request: Request, *, untouched: frozenset[str]
) -> None:
    """Trains a model on the stack of `request` in `workdir`, and aligns the stack by it.

    A second start of the same goes on where the first stopped, in training or after it.

    Args:
      untouched: names of the fields of `options` that may be chosen to suit the stack.

    Raises:
      InputError: the stack, the output or the work directory cannot be used.
    """
    with asked(request, options) as (stack, _):
        if by_averages(stack, request, untouched):
            _by_averages(options, stack, request)
            return
        options, notes = suited(options, stack, untouched=untouched)
        for note in notes:
            print(note)
        check(options)
        done = trained(options, workdir)
        if not done:
            require_unfinished(options, workdir, request)
            # What aligning would refuse, training need not begin with.
            survey(stack, options.data)
    if not done:
        loop.train(options, workdir)
    align(options, workdir, request)


def _by_averages(options: Options, stack: Stack, request: Request) -> None:
    drawn = request.reconstructions
    names = names_of(stack, reconstructions=drawn, averaged=True)
    require_free(request.output, files_of(stack, names), overwrite=request.overwrite)
    print(f"{stack.name}: {stack.shape[0]:,} examples. {stack.note}", flush=True)
    surveyed = survey(stack, options.data)
    inputs = inputs_of(stack, surveyed, drawn, asked_of(options, request.classes, request.halves))
    ended = job_in(request.output, finished=True)
    if ended and not request.overwrite and inputs.items() <= ended.items():
        print(f"output {request.output}: finished before, nothing to do")
        return
    work = averaged(
        stack,
        surveyed,
        options,
        classes=request.classes,
        reconstructions=drawn,
        halves=request.halves,
    )
    run(work, names, request)


def by_averages(stack: Stack, request: Request, untouched: frozenset[str]) -> bool:
    """Whether class averages find the poses: as asked, else where noise hides the objects.

    Whoever sets an option of the model, its search or its training wants the model.
    """
    if request.method != "auto" or request.classes or request.halves == "apart":
        return request.method != "model"
    sections = ("model.", "train.", "search.", "ranges.", "eval.", "log.")
    own = [name for name in fields() if name.startswith(sections) or name == "family"]
    if not set(own) <= untouched or not is_noisy(stack):
        return False
    print("Noise hides the objects: poses are found by class averages (--method averages).")
    return True


def trained(options: Options, folder: Path) -> bool:
    """Whether a work directory holds this very training, whole and reported.

    Raises:
      InputError: it belongs to another config.
    """
    workdir = WorkDir(folder)
    if not (folder / "config.json").exists():
        return False
    workdir.compare(options)
    return updates_of(workdir) == options.train.steps


def require_unfinished(options: Options, folder: Path, request: Request) -> None:
    """Checks that no alignment by a model of other updates stands in the way.

    Raises:
      InputError: one does, or the model has more updates than are asked for.
    """
    done, wanted = updates_of(WorkDir(folder)), options.train.steps
    if done is None:
        return
    if done > wanted:
        raise InputError(
            f"train.steps={wanted}: the model in {folder} has {done} updates; want {done} or more, "
            "or another output"
        )
    if (request.output / RESULT).exists() and not request.overwrite:
        raise InputError(
            f"output {request.output}: holds the alignment by a model of {done} updates, and "
            f"train.steps={wanted}; choose another directory or say --overwrite"
        )


def updates_of(workdir: WorkDir) -> int | None:
    """After how many updates the training of a work directory was reported."""
    summary = workdir.read_json("report/summary.json")
    return summary["train"]["steps"] if summary else None
