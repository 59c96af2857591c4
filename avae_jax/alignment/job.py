"""Alignment job: the stack, the model, and the columns of the results."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from avae_jax.alignment.half_sets import Halves
from avae_jax.alignment.model_frame import Framing
from avae_jax.alignment.row_store import Column, MemoryColumn
from avae_jax.alignment.stack_statistics import Survey, piece
from avae_jax.config.options import Options, SearchOptions
from avae_jax.core import sharding
from avae_jax.data.formats import Stack
from avae_jax.inference.ambiguity import with_candidates
from avae_jax.inference.calibration import Calibration
from avae_jax.inference.trained import Trained


class Known(NamedTuple):
    """Poses that are known before the alignment.

    Attributes:
      found: `index [n] -> Found` of examples.
      columns: further columns of the table, `[N]` each.
      numbers: further numbers of the whole alignment.
      halves: every second example as its own half poses it; `None` where halves were not apart.
      asked: what the search of the averages was asked for.
    """

    found: Callable[[np.ndarray], Any]
    columns: dict[str, np.ndarray]
    numbers: dict[str, float]
    halves: Halves | None = None
    asked: dict[str, Any] | None = None


class Work(NamedTuple):
    """The inputs of an alignment.

    Attributes:
      reconstructions: whether to write the decoded objects.
      known: poses that replace the search.
      uncertain: whether to state how well poses are known.
      calibration: of that, by the evaluation; without one, examples that the model draws give it.
    """

    stack: Stack
    seen: Framing
    surveyed: Survey
    trained: Trained
    options: Options
    reconstructions: bool
    known: Known | None = None
    uncertain: bool = False
    calibration: Calibration | None = None

    @property
    def batch(self) -> int:
        """Examples of a chunk: as many as in evaluation, fewer if they are large.

        All devices share a chunk evenly.
        """
        count, most = self.stack.shape[0], self.options.eval.batch_size
        return sharding.whole_parts(min(most, piece(self.stack), count))

    @property
    def search(self) -> SearchOptions:
        """The search of the model, with enough candidates to find the gap to the next optimum."""
        return with_candidates(self.trained.search)


def job_of(work: Work) -> dict[str, Any]:
    """The identity of an alignment: the same job continues an interrupted one."""
    averages = work.known.asked if work.known else None
    return {
        **inputs_of(work.stack, work.surveyed, work.reconstructions, averages),
        "weights": digest(work.trained, bank=False),
        "model": digest(work.trained, bank=True),
        "search": None if work.known else _identity(work.search),
        "batch": work.batch,
        "uncertainty": work.calibration._asdict() if work.calibration else work.uncertain or None,
        "halves": "apart" if work.known and work.known.halves else None,
    }


def inputs_of(
    stack: Stack, surveyed: Survey, reconstructions: bool, averages: dict[str, Any] | None
) -> dict[str, Any]:
    """The part of `job_of` that is known before a search of class averages, which finds the rest.

    Args:
      averages: what this search is asked for; `None` for an alignment by a model.
    """
    return {
        "input": stack.path.name + (f":{stack.member}" if stack.member else ""),
        "contents": surveyed.digest,
        "reconstructions": reconstructions,
        # As text, because it may be NaN.
        "missing": str(surveyed.missing.written) if surveyed.gone else None,
        "averages": averages,
    }


def _identity(search: SearchOptions) -> dict[str, Any]:
    """The options that decide what a search finds."""
    options = dataclasses.asdict(search)
    del options["every"]  # of training alone, and unknown to version 0.1
    return options


def is_first_version(owner: Mapping[str, Any]) -> bool:
    """Whether version 0.1 wrote the job, which names its model by the bits of the bank."""
    return "model" in owner and "weights" not in owner


def differences(owner: Mapping[str, Any], job: Mapping[str, Any]) -> list[str]:
    """The names of what makes `job` another one than `owner`, which a file holds."""
    # A bank has other bits on other processors. Version 0.1 took note of nothing else.
    # What averages were asked for is said for a look before their search; the weights are theirs.
    unsaid = ("averages", "weights" if is_first_version(owner) else "model")
    return [name for name in job if name not in unsaid and owner.get(name) != job[name]]


def digest(trained: Trained, *, bank: bool) -> str:
    """SHA-256 of the weights and of the codes of the bank, with its pictures or without."""
    leaves = (trained.params, trained.met, *([trained.bank] if bank else []))
    found = hashlib.sha256()
    for leaf in jax.tree.leaves(leaves):
        found.update(np.ascontiguousarray(leaf).data)
    return found.hexdigest()


def columns_of(work: Work, folder: Path) -> dict[str, Column]:
    """The rows of each result, in files of `folder`."""
    shapes = shapes_of(work).items()
    return {name: Column(folder / f"{name}.npy", *what) for name, what in shapes}


def columns_in_memory(work: Work) -> dict[str, MemoryColumn]:
    """The rows of each result, in memory."""
    return {name: MemoryColumn(*what) for name, what in shapes_of(work).items()}


def shapes_of(work: Work) -> dict[str, tuple]:
    """Shape `(N, *rest)` and type of the rows of each result."""
    count, d = work.stack.shape[0], work.trained.avae.inner.d
    stored = work.stack.shape, work.stack.dtype
    shapes: dict[str, tuple] = {
        "aligned": stored,
        # Carry an example to the canonical pose, in the frame of the stack.
        "poses": ((count, d + 1, d + 1), np.float64),
        # Before, after, gap to the next optimum.
        "losses": ((count, 3), np.float32),
        "doubtful": ((count,), np.bool_),
        "latents": ((count, work.trained.met.shape[1]), np.float32),
    }
    if work.uncertain:
        # Degrees, pixels, probability of a clearly different pose.
        shapes["uncertainty"] = (count, 3), np.float32
    if work.reconstructions:
        shapes["drawn"] = stored
    return shapes
