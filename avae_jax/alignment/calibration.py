"""The calibration of the stated uncertainty of poses."""

import functools
from collections.abc import Callable

import jax
import numpy as np

from avae_jax.alignment.job import Work
from avae_jax.core.batches import in_batches
from avae_jax.inference.calibration import APPROXIMATE, Calibration, fit_calibration
from avae_jax.inference.problem import example_keys
from avae_jax.models.likelihoods import LIKELIHOODS
from avae_jax.models.simulation import draw_observations
from avae_jax.training.calibration import Found
from avae_jax.transform.mixture import Mixture

# Examples that a model draws: as many as the stack has, between these.
LEAST, MOST = 64, 256


def calibration_of(work: Work, found: Found | None) -> tuple[Calibration | None, str]:
    """The calibration that the evaluation of a model `found`, and a sentence on it.

    `None` where there is no evaluation: then `simulated` finds one.
    """
    if found:
        note = f"by {found.examples} held-out examples of the evaluation"
        return found.calibration, f"uncertainty: calibrated {note}"
    if LIKELIHOODS[work.trained.avae.likelihood].draw:
        return None, (
            f"uncertainty: calibrated by {_count(work)} examples that the model draws, which do "
            "not tell where the model is wrong; an evaluation on objects of known poses does"
        )
    return APPROXIMATE, (
        "uncertainty: as the model states it, which is sure of more than it should be; "
        "an evaluation on objects of known poses calibrates it"
    )


def simulated(work: Work, stated: Callable[[np.ndarray, np.ndarray], Mixture]) -> Calibration:
    """What makes stated uncertainties hold for examples that the model of `work` draws.

    Args:
      stated: posteriors of the poses of observations `[B, *S, C]` of numbers `[B]`, where B is
        `work.batch`.
    """
    trained, index = work.trained, np.arange(_count(work))
    latent = trained.met.shape[1]
    draw = jax.jit(functools.partial(draw_observations, avae=trained.avae, latent=latent))
    x, _, true = jax.device_get(draw(trained.params, example_keys(jax.random.key(0), index)))
    return fit_calibration(in_batches(stated, x, index, size=work.batch), true, avae=trained.avae)


def _count(work: Work) -> int:
    return int(np.clip(work.stack.shape[0], LEAST, MOST))
