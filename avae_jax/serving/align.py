"""`align`: aligns images in memory to each other."""

import contextlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.alignment.align import work_of
from avae_jax.alignment.class_averages import averaged
from avae_jax.alignment.compute import compute
from avae_jax.alignment.fit_align import by_averages
from avae_jax.alignment.job import Work, columns_in_memory
from avae_jax.alignment.results import table_blocks
from avae_jax.alignment.stack_statistics import survey
from avae_jax.config import files
from avae_jax.config.keywords import untouched_by, with_keywords
from avae_jax.config.modes import CONFIG, METHODS, Request
from avae_jax.core import compile_cache
from avae_jax.core.choices import wanted_instead
from avae_jax.core.errors import InputError
from avae_jax.core.progress import silent
from avae_jax.data.formats.memory import memory_stack
from avae_jax.serving.fit import chosen_for, model_of
from avae_jax.serving.posed import Posed


def align(
    images: np.ndarray,
    *,
    by: Posed | None = None,
    method: str = "auto",
    classes: int = 0,
    workdir: str | os.PathLike | None = None,
    progress: bool = True,
    **options: Any,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Brings images or volumes in unknown poses to one pose.

        aligned, table = avae_jax.align(images)

    Chooses for an array what `--mode fit-align` chooses for a file: class averages where noise
    hides the objects, else a model that is trained on the images.

    Args:
      images: as for `fit`.
      by: a model of `fit`, which then is not trained again.
      method: `averages`, `model`, or `auto`.
      classes: number of class averages; 0 takes as many as pay for themselves.
      workdir: as for `fit`; class averages have none.
      progress: as for `fit`.
      options: as for `fit`.

    Returns:
      The images in one pose, of the shape and type of `images`, and the columns of `poses.csv`,
      `[n]` each, with `latents [n, Z]`; `pandas.DataFrame` takes all but these.

    Raises:
      InputError: images or options that cannot be used.
      NumericalError: the loss is not finite.

    >>> import numpy as np, avae_jax
    >>> images = np.zeros((8, 12, 12), np.float32)
    >>> images[:, 3:9, 5:7] = 1
    >>> small = {"steps": 2, "batch_size": 4, "hidden": (8,), "latent": 2}
    >>> aligned, table = avae_jax.align(images, **small, progress=False)
    >>> aligned.shape, len(table["rotation_deg"])
    ((8, 12, 12), 8)
    """
    if method not in METHODS:
        raise InputError(f"method={method!r}: {wanted_instead(method, METHODS)}")
    compile_cache.use()
    with contextlib.nullcontext() if progress else silent():
        work = _work(
            images, by, Request("", Path(), method=method, classes=classes), workdir, options
        )
        columns = columns_in_memory(work)
        compute(work, columns)
    aligned = columns["aligned"].rows.reshape(np.shape(images))
    return aligned, {**_table(work, columns), "latents": columns["latents"].rows}


def _work(
    images: np.ndarray,
    by: Posed | None,
    request: Request,
    workdir: str | os.PathLike | None,
    given: dict[str, Any],
) -> Work:
    """What is to be done, once a model or class averages have been found."""
    if by is not None:
        if not isinstance(by, Posed) or by.options is None or given:
            raise InputError("by: wanted a model of fit or load, and no options beside it")
        stack = memory_stack(images, axes=by.options.data.axes)
        return work_of(stack, by.trained, by.options, reconstructions=False)
    options, named = with_keywords(files.to_options(files.load_file(CONFIG)), given)
    stack = memory_stack(images, axes=options.data.axes)
    if by_averages(stack, request, untouched_by(named)):
        surveyed = survey(stack, options.data)
        return averaged(stack, surveyed, options, classes=request.classes, reconstructions=False)
    stack, options = chosen_for(images, None, given)
    return work_of(stack, model_of(stack, options, workdir), options, reconstructions=False)


def _table(work: Work, columns: dict) -> dict[str, np.ndarray]:
    blocks = list(table_blocks(work, columns))
    return {name: np.concatenate([np.asarray(each[name]) for each in blocks]) for name in blocks[0]}
