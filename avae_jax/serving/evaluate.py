"""Losses, pose errors and report of any model, pretrained ones included."""

import os
from pathlib import Path

import numpy as np

from avae_jax import report
from avae_jax.config.options import DataOptions, EvalOptions, Options
from avae_jax.core.errors import InputError
from avae_jax.data import Dataset
from avae_jax.data.sources.labels import index_labels
from avae_jax.evaluation.held_out import compile_evaluation
from avae_jax.evaluation.results import findings, measure
from avae_jax.evaluation.task import Task
from avae_jax.inference.ambiguity import with_candidates
from avae_jax.report.summary import Summary, Training
from avae_jax.serving.posed import Posed


def evaluate(
    posed: Posed,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    workdir: str | os.PathLike | None = None,
    *,
    same_pose: bool = True,
    options: EvalOptions = EvalOptions(),
    seed: int = 0,
) -> Summary:
    """Measures a model on examples it was not trained on, each moved to a random pose.

    Args:
      images: `[n, *S, C]`, floats in the range that the model was trained on.
      labels: `[n]`, integers or texts; the poses of a label are compared with each other.
      workdir: where `report/index.html` and `report/summary.json` go; `None` writes nothing.
      same_pose: whether the objects of a label stand the same way in `images`; otherwise
        nothing is known that found poses should agree with, and pose errors are `None`.
      options: how many examples are measured, and what of them.
      seed: of the random poses and draws.

    Returns:
      The numbers, also those of summary.json: `summary.loss.posed_search` and others.

    Raises:
      InputError: the images are not what the model takes, labels do not belong to them, or the
        report cannot be written.

    >>> import numpy as np, avae_jax
    >>> x = np.zeros((8, 24, 24, 1), np.float32)
    >>> x[:, 6:18, 11:13] = 1
    >>> fewer = avae_jax.EvalOptions(batch_size=8, marginal_examples=0, explored=False)
    >>> summary = avae_jax.evaluate(avae_jax.pretrained("digits"), x, options=fewer)
    >>> summary.loss.posed_search < summary.loss.posed
    True
    """
    trained, x = posed.trained, posed.checked(images)
    folder = None if workdir is None else Path(workdir)
    if folder is not None and (folder / "config.json").exists():
        raise InputError(f"workdir {folder}: belongs to a training, wanted another directory")
    avae, pose = trained.avae, "random" if same_pose else "as_is"
    chosen = Options(
        family=avae.group.name,
        ranges=avae.ranges,
        data=DataOptions(source="array", pose=pose),
        eval=options,
        seed=seed,
    )
    search = with_candidates(trained.search)
    task = Task(chosen, _dataset(x, labels, avae.fill), avae, search)
    results = measure(task, trained, compile_evaluation(task), Training())
    if folder is not None:
        report.write(folder / "report", findings(results))
    return results.summary


def _dataset(x: np.ndarray, labels: np.ndarray | None, fill: np.ndarray) -> Dataset:
    indices, names = None, ()
    if labels is not None:
        labels = np.asarray(labels)
        if labels.shape != (len(x),):
            raise InputError(f"labels: of shape {labels.shape}, wanted ({len(x)},)")
        (indices,), names = index_labels(labels)
    return Dataset(x[:0], x, None, indices, names, np.asarray(fill), False, ())
