"""Alignment job: the stack, the model, and the columns of rows that it fills."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from avae_jax.alignment.model_frame import Framing
from avae_jax.alignment.row_store import Column, MemoryColumn
from avae_jax.alignment.stack_statistics import Survey, piece
from avae_jax.config.options import Options, SearchOptions
from avae_jax.core import sharding
from avae_jax.data.formats import Stack
from avae_jax.inference.ambiguity import with_candidates
from avae_jax.inference.trained import Trained


class Known(NamedTuple):
    """Poses that were found before the examples are moved.

    Attributes:
      found: `index [n] -> Found` of these examples.
      columns: further columns of the table, `[N]` each.
    """

    found: Callable[[np.ndarray], Any]
    columns: dict[str, np.ndarray]


class Work(NamedTuple):
    """Everything that an alignment needs.

    Attributes:
      reconstructions: whether the objects as the model draws them are wanted.
      known: poses that need not be searched.
    """

    stack: Stack
    seen: Framing
    surveyed: Survey
    trained: Trained
    options: Options
    reconstructions: bool
    known: Known | None = None

    @property
    def batch(self) -> int:
        """Examples of a chunk: as many as in evaluation, fewer where they are large.

        All devices share a chunk evenly.
        """
        count, most = self.stack.shape[0], self.options.eval.batch_size
        return sharding.whole_parts(min(most, piece(self.stack), count))

    @property
    def search(self) -> SearchOptions:
        """The search of the model, with candidates enough to tell how far the next optimum is."""
        return with_candidates(self.trained.search)


def job_of(work: Work) -> dict[str, Any]:
    """What makes two alignments the same: the same job goes on where it stopped."""
    stack = work.stack
    return {
        "input": stack.path.name + (f":{stack.member}" if stack.member else ""),
        "contents": work.surveyed.digest,
        "model": _digest(work.trained),
        "search": None if work.known else dataclasses.asdict(work.search),
        "batch": work.batch,
        "reconstructions": work.reconstructions,
        # As text, since it may be NaN.
        "missing": str(work.seen.missing.written) if work.surveyed.gone else None,
    }


def _digest(trained: Trained) -> str:
    """SHA-256 of the weights, and of what the bank is made of."""
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves((trained.params, trained.met, trained.bank)):
        digest.update(np.ascontiguousarray(leaf).data)
    return digest.hexdigest()


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
        # Carry an example to the canonical pose, in its own frame.
        "poses": ((count, d + 1, d + 1), np.float64),
        # Before, after, gap to the next optimum.
        "losses": ((count, 3), np.float32),
        "doubtful": ((count,), np.bool_),
        "latents": ((count, work.trained.met.shape[1]), np.float32),
    }
    if work.reconstructions:
        shapes["drawn"] = stored
    return shapes
