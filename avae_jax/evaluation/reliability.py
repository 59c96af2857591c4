"""Whether the stated uncertainty of the poses holds: regions, calibration, other optima."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import report
from avae_jax.evaluation.held_out import HeldOutResult
from avae_jax.evaluation.task import Task
from avae_jax.inference.calibration import (
    APPROXIMATE,
    Calibration,
    calibrated,
    fit_calibration,
    region_probabilities,
)
from avae_jax.inference.setup import stream
from avae_jax.inference.uncertainty import is_near, known_poses
from avae_jax.transform.mixture import Mixture

STATED = (0.5, 0.8, 0.9, 0.95, 0.99)
# Fewer examples say nothing about regions of 90 %.
FEWEST = 20


def reliability(
    task: Task, measured: HeldOutResult, posterior: Mixture
) -> report.Reliability | None:
    """Shares of true poses in stated regions; `None` where no true pose is known.

    The true pose of an example is the common pose of its label times the inverse of the applied
    one. Every other example calibrates the rest, and the rest calibrates them.

    Args:
      posterior: of the first n examples, as numpy arrays.
    """
    count = len(posterior.centres)
    if not task.options.one_pose or count < FEWEST:
        return None
    true = measured.target[:count] @ np.linalg.inv(measured.applied[:count])
    true, found = np.float32(true), measured.found[:count]
    group = task.avae.group
    fits = []
    for half in (np.arange(count) % 2 == 0, np.arange(count) % 2 == 1):
        others = jax.tree.map(lambda leaf, half=half: leaf[half], posterior)
        fits.append(fit_calibration(others, true[half], avae=task.avae))
    # The even ones are calibrated by the odd ones, and the other way round.
    wide = _each(posterior, fits[1], fits[0])
    anywhere = np.where(np.arange(count) % 2 == 0, fits[1].anywhere, fits[0].anywhere)
    keys = jax.random.split(jax.random.fold_in(stream(task.options, "test"), 4), count)
    region = jax.jit(functools.partial(region_probabilities, avae=task.avae))
    before, after = (
        np.asarray(region(keys, mixture, true, anywhere=np.broadcast_to(share, count)))
        for mixture, share in (
            (calibrated(posterior, APPROXIMATE), APPROXIMATE.anywhere),
            (wide, anywhere),
        )
    )
    known = known_poses(wide, found, group, anywhere=anywhere)
    same = jax.jit(jax.vmap(lambda one, other: is_near(one[None], other)[0]))(true, found)
    return report.Reliability(
        STATED,
        tuple(float((before <= share).mean()) for share in STATED),
        tuple(float((after <= share).mean()) for share in STATED),
        count,
        fit_calibration(posterior, true, avae=task.avae)._asdict(),
        float(np.median(known.degrees)),
        float(np.mean(known.elsewhere)),
        float(1 - np.mean(same)),
    )


def _each(posterior: Mixture, even: Calibration, odd: Calibration) -> Mixture:
    """The posterior of every example after the calibration of its half."""
    parts = [calibrated(posterior, how) for how in (even, odd)]
    first = np.arange(len(posterior.centres)) % 2 == 0

    def choose(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.where(jnp.asarray(first).reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return jax.tree.map(choose, *parts)
