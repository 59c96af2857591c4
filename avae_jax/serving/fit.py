"""`fit`: trains a model on images in memory."""

import contextlib
import functools
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.alignment.auto_options import suited
from avae_jax.alignment.fit_align import trained
from avae_jax.alignment.noise import is_noisy
from avae_jax.config import files
from avae_jax.config.fields import written
from avae_jax.config.keywords import untouched_by, with_keywords
from avae_jax.config.modes import CONFIG
from avae_jax.config.options import Options, values
from avae_jax.config.validation import check
from avae_jax.core import compile_cache
from avae_jax.core.errors import InputError
from avae_jax.core.progress import silent
from avae_jax.data.formats import Stack
from avae_jax.data.formats.memory import memory_stack
from avae_jax.data.sources.stack import stack_source
from avae_jax.inference.trained import Trained
from avae_jax.serving.posed import Posed
from avae_jax.training import loop
from avae_jax.training.experiment import prepare
from avae_jax.training.restore import load_with_options
from avae_jax.training.watch import Callback


def fit(
    images: np.ndarray,
    *,
    family: str | None = None,
    steps: int | None = None,
    seed: int | None = None,
    labels: np.ndarray | None = None,
    workdir: str | os.PathLike | None = None,
    callback: Callback | None = None,
    progress: bool = True,
    **options: Any,
) -> Posed:
    """Trains a model on images or volumes in unknown poses.

        posed = avae_jax.fit(images, family="rotation", steps=1000)
        upright, poses, codes = posed.transform(images), posed.pose(images), posed.encode(images)

    What is not said is chosen to suit the images, as `--mode fit-align` does for a file: the
    range of values, the size that the model sees, the number of updates. The same images and
    seed give the same weights as that command.

    Args:
      images: `[n, H, W(, C)]` or `[n, D, H, W(, C)]`, of any type of numbers. A last axis of at
        most 4 is channels; `axes="NDHW"` and its like say it otherwise.
      family: of poses, such as `rotation`, `rigid` or `affine`.
      steps: updates of the weights.
      seed: of everything random.
      labels: `[n]`, integers or texts; they serve the report alone.
      workdir: holds checkpoints, metrics and the report, and a second call goes on there. `None`
        writes nothing to the disk, and nothing is evaluated.
      callback: `(update, metrics) -> stop`, called every `log.every` updates; something true ends
        the training.
      progress: whether to print what is chosen and to draw a bar with loss and time left.
      options: of the experiment, by section or by name: `model=ModelOptions(latent=4)`,
        `latent=4`, `ranges__scale=1.2`.

    Raises:
      InputError: images, options or the work directory cannot be used.
      NumericalError: the loss is not finite.

    >>> import numpy as np, avae_jax
    >>> images = np.zeros((8, 12, 12), np.float32)
    >>> images[:, 3:9, 5:7] = 1
    >>> small = {"steps": 2, "batch_size": 4, "hidden": (8,), "latent": 2}
    >>> posed = avae_jax.fit(images, **small, progress=False)
    >>> posed.encode(images).shape
    (8, 2)
    """
    given = {"family": family, "steps": steps, "seed": seed}
    given = {name: value for name, value in given.items() if value is not None}
    if callback is not None and not callable(callback):
        raise InputError(f"callback={callback!r}: wanted a function (update, metrics) -> stop")
    told = functools.partial(_aloud, sys.stdout, callback)
    with contextlib.nullcontext() if progress else silent():
        stack, chosen = chosen_for(images, labels, {**given, **options})
        if is_noisy(stack):
            print("Noise hides the objects: avae_jax.align finds better poses by class averages.")
        model = model_of(stack, chosen, workdir, told if callback else None)
    return Posed(model, options=chosen)


def chosen_for(
    images: np.ndarray, labels: np.ndarray | None, given: Mapping[str, Any]
) -> tuple[Stack, Options]:
    """The images as a stack, and the options that suit them beside those given; says which.

    Raises:
      InputError: they are no images, or an option cannot be.
    """
    compile_cache.use()
    begun = files.to_options(files.load_file(CONFIG))
    options, named = with_keywords(begun, given)
    stack = memory_stack(images, labels, axes=options.data.axes)
    chosen, notes = suited(options, stack, untouched=untouched_by(named))
    for note in notes:
        print(note)
    return stack, check(chosen)


def model_of(
    stack: Stack,
    options: Options,
    workdir: str | os.PathLike | None,
    callback: Callback | None = None,
) -> Trained:
    """A model trained on a stack in memory, or the one that a work directory holds whole.

    Raises:
      InputError: the stack or the work directory cannot be used.
    """
    source = stack_source(lambda: contextlib.nullcontext(stack))
    if workdir is None:
        for name in ("eval.checkpoint", "log.writers"):
            if values(options)[name] not in (values(Options())[name], None):
                said = written(values(options)[name])
                raise InputError(f"{name}={said}: wanted with a workdir")
        return loop.train_in_memory(prepare(options, source), callback)
    if trained(options, Path(workdir)):
        return load_with_options(workdir)[0]
    return loop.train(options, Path(workdir), source=source, callback=callback)


def _aloud(stdout: Any, callback: Callback, step: int, metrics: dict[str, float]) -> object:
    """`callback`, which may print where nothing else does."""
    with contextlib.redirect_stdout(stdout):
        return callback(step, metrics)
