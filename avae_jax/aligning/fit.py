"""`fit-align`: trains on a stack itself, then aligns it: for somebody who only has a folder."""

from pathlib import Path

from avae_jax import loop
from avae_jax.aligning.run import align, require_apart
from avae_jax.aligning.suiting import suited
from avae_jax.aligning.survey import survey
from avae_jax.data.stacks import open_stack
from avae_jax.options import Options
from avae_jax.request import Request
from avae_jax.rules import check
from avae_jax.workdir import WorkDir


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
    with open_stack(request.input) as stack:
        require_apart(stack.path, request.output)
        options, notes = suited(options, stack, untouched=untouched)
        for note in notes:
            print(note)
        check(options)
        done = trained(options, workdir)
        if not done:
            # What aligning would refuse, training need not begin with.
            survey(stack)
    if not done:
        loop.train(options, workdir)
    align(options, workdir, request)


def trained(options: Options, folder: Path) -> bool:
    """Whether a work directory holds this very training, whole and reported.

    Raises:
      InputError: it belongs to another config.
    """
    workdir = WorkDir(folder)
    if not (folder / "config.json").exists():
        return False
    workdir.compare(options)
    summary = workdir.read_json("report/summary.json")
    return bool(summary) and summary["train"]["steps"] == options.train.steps
