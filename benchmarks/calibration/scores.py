"""Scores of pose posteriors: one half of known poses calibrates, the other half is checked."""

import functools
from typing import Any, NamedTuple

import jax
import numpy as np

from avae_jax.config.options import SearchOptions
from avae_jax.evaluation.reliability import STATED
from avae_jax.inference.calibration import (
    APPROXIMATE,
    Calibration,
    calibrated,
    fit_calibration,
    region_probabilities,
)
from avae_jax.inference.marginal import Evidence
from avae_jax.inference.pareto import UNTRUSTED
from avae_jax.inference.uncertainty import is_near, uncertainty
from avae_jax.models.affine_model import AVAE
from avae_jax.transform.mixture import Mixture, log_density
from benchmarks.data import SEED, Objects
from benchmarks.search import models

BINS_OF_RANKS = 20
BINS = (0.0, 0.01, 0.03, 0.1, 0.3, 0.6, 1.0)


class Case(NamedTuple):
    """A model that knows one pose, its search, and what it was trained on."""

    upright: models.Upright
    objects: Objects
    avae: AVAE
    search: SearchOptions


class Measured(NamedTuple):
    """Posteriors, bounds, true and found poses of n examples; `below` and `ms` as in the table."""

    posterior: Mixture
    evidence: Evidence
    true: np.ndarray
    found: np.ndarray
    below: float
    ms: tuple[float, float]


def row(case: Case, measured: Measured) -> dict[str, Any]:
    """The numbers of a case, on the half that did not calibrate."""
    half = len(measured.true) // 2
    first, second = (
        jax.tree.map(lambda leaf, part=part: leaf[part], measured[:4])
        for part in (slice(0, half), slice(half, None))
    )
    how = fit_calibration(first[0], first[2], avae=case.avae)
    posterior, evidence, true, found = second
    wide = calibrated(posterior, how)
    group, keys = case.avae.group, jax.random.split(jax.random.key(SEED + 4), len(true))
    rank = jax.jit(functools.partial(region_probabilities, avae=case.avae))
    ranks = {
        name: np.asarray(rank(keys, calibrated(posterior, each), true, anywhere=each.anywhere))
        for name, each in (("", how), ("_by_default", APPROXIMATE), ("_of_model", Calibration()))
    }
    density = jax.jit(jax.vmap(functools.partial(log_density, group=group)))
    by = {"group": group, "anywhere": how.anywhere}
    known = jax.jit(jax.vmap(functools.partial(uncertainty, **by)))(wide, found)
    near = jax.jit(jax.vmap(lambda one, other: is_near(one[None], other)[0]))(true, found)
    return {
        "checked": len(true),
        "calibration": how._asdict(),
        **_shares(ranks),
        "score": float(np.maximum(density(wide, true), -20).mean()),
        "score_of_model": float(np.maximum(density(posterior, true), -20).mean()),
        "median_deg": float(np.median(known.degrees)),
        "elsewhere": other_optima(np.asarray(known.elsewhere), ~np.asarray(near)),
        "effective": float(evidence.effective.mean()),
        "untrusted": float((evidence.shape > UNTRUSTED).mean()),
        "bound": float(evidence.bound.mean()),
        "below": measured.below,
        "ms": {"search": measured.ms[0], "posterior_and_bound": measured.ms[1]},
    }


def _shares(ranks: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Shares of true poses in stated regions, and histograms of their ranks, by kind of region."""
    return {
        f"held{name}": [float((each <= share).mean()) for share in STATED]
        for name, each in ranks.items()
    } | {
        f"ranks{name}": np.histogram(each, BINS_OF_RANKS, (0, 1))[0].tolist()
        for name, each in ranks.items()
    }


def other_optima(stated: np.ndarray, found: np.ndarray) -> list[dict[str, float]]:
    """Mean stated probability of another optimum, share found and examples, by bins of it."""
    place = np.clip(np.digitize(stated, BINS) - 1, 0, len(BINS) - 2)
    return [
        {
            "stated": float(stated[place == bin].mean()),
            "found": float(found[place == bin].mean()),
            "examples": int((place == bin).sum()),
        }
        for bin in np.unique(place)
    ]
