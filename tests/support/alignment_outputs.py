"""Alignments of pictures of nine pixels, and what they leave of the files of a user."""

import functools
from pathlib import Path

import numpy as np

from avae_jax.alignment.align import align_by
from avae_jax.config.modes import Request
from avae_jax.config.options import EvalOptions, Options, SearchOptions
from avae_jax.inference.search import resolve
from avae_jax.inference.trained import Trained
from tests.support.single_object import blobs, drawing

SIDE = 9


@functools.cache
def model():
    avae, params = drawing(blobs((SIDE, SIDE)), "rotation")
    search = resolve(SearchOptions(kind="even", starts=4, keep=1, steps=1), avae.group)
    return Trained(params, avae, search, None, np.zeros((4, 2), np.float32))


def align(source, target, *, overwrite=False, seed=0, batch_size=4):
    options = Options(seed=seed, eval=EvalOptions(batch_size=batch_size))
    align_by(model(), options, Request(str(source), Path(target), overwrite=overwrite))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def lost(before):
    """Files of `before` that are gone or changed."""
    return [p for p, held in before.items() if not p.is_file() or p.read_bytes() != held]
