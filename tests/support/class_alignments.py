"""Alignments by class averages whose poses and classes are known."""

from typing import Any

import numpy as np

from avae_jax.inference.averaging.condition import Conditioned
from avae_jax.inference.averaging.result import ClassAlignment


def known_alignment(
    poses: np.ndarray, classes: np.ndarray, averages: np.ndarray, **others: Any
) -> ClassAlignment:
    """As a search would give it, sure of everything.

    Args:
      poses: `[N, d + 1, d + 1]`.
      classes: `[N]`, from 0.
      averages: `[K, *S, C]`.
      others: fields of another value.
    """
    ones, shape = np.ones(len(poses)), averages.shape[1:]
    fields = {
        "degrees": 0 * ones,
        "shift_px": np.zeros((len(poses), len(shape) - 1)),
        "class_posterior": np.eye(len(averages))[classes],
        "gap_nats": 9 * ones,
        "sd_deg": 3 * ones,
        "shift_sd_px": 0.1 * ones,
        "elsewhere": 0 * ones,
        "noise": np.ones((1, 1)),
        "spread_px": 1.0,
        "contrast_sd": 0.0,
        "stable": None,
        "log_likelihood": 0.0,
        "ready": Conditioned(np.empty((0, *shape)), (0.0, 0.0), 1.0, 0.0, False, False),
    }
    return ClassAlignment(poses, classes=classes, averages=averages, **(fields | others))
