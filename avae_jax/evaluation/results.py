"""The end of a run: evaluates the model and writes the report."""

import functools

import jax
import numpy as np

from avae_jax import report
from avae_jax.core.errors import InputError
from avae_jax.evaluation import pose_metrics
from avae_jax.evaluation.dial import upright_pose
from avae_jax.evaluation.held_out import Examination
from avae_jax.evaluation.trial_poses import thumb
from avae_jax.models.objective import canonicalise
from avae_jax.models.observed import filled
from avae_jax.training.experiment import Experiment
from avae_jax.transform.describe import sentence
from avae_jax.transform.warp import warp


def gallery(experiment: Experiment, measured: Examination) -> report.Gallery:
    """A dozen examples as the report shows them; poses are those of the objects."""
    count = len(measured.observed)
    avae = experiment.avae
    objects = np.linalg.inv(measured.found[:count])
    show = functools.partial(upright, experiment, measured)
    return report.Gallery(
        observation=np.asarray(filled(measured.observed, avae.fill)),
        canonical_input=show(measured.canonical_input),
        canonical_reconstruction=show(measured.canonical),
        reconstruction=measured.reconstruction,
        labels=measured.labels[:count] if experiment.dataset.label_names else None,
        loss_before=measured.posed[:count],
        loss_after=measured.posed_search[:count],
        pose_text=tuple(sentence(pose, avae.group, avae.inner) for pose in objects),
    )


def upright(experiment: Experiment, measured: Examination, images: np.ndarray) -> np.ndarray:
    """Canonical volumes `[n, *S, C]` all turned by `upright_pose`; images as they are."""
    avae, back = experiment.avae, _back(experiment, measured)
    turn = functools.partial(warp, source=avae.inner, target=avae.inner)
    return np.asarray(jax.vmap(turn, (0, None, None))(images, back, avae.fill))


def _back(experiment: Experiment, measured: Examination) -> np.ndarray:
    one_pose = experiment.options.one_pose
    return upright_pose(experiment.avae.group, measured.found, measured.applied, one_pose=one_pose)


def moment(
    experiment: Experiment, measured: Examination, step: int, arrays: dict[str, np.ndarray]
) -> report.Moment:
    """Found poses at one moment of training: the angles that the report draws, and a few inputs.

    The examples are the first of those that were `measured`.
    """
    try:
        found, labels = arrays["found"], arrays["label"]
        moved = found @ arrays["applied"]
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"moment {step}: no poses and labels that belong together") from error
    if experiment.avae.group.d == 2:
        angle = pose_metrics.plane_angle(moved)
    else:
        angle = pose_metrics.pose_errors(moved, pose_metrics.label_means(moved, labels)).degrees
    inputs = _carried(experiment, measured, found[: len(measured.observed)].astype(np.float32))
    if not experiment.options.one_pose:
        # Nothing that found poses should agree with.
        return report.Moment(step, angle[:0], labels[:0], np.nan, inputs)
    return report.Moment(step, angle, labels, pose_metrics.resultant_length(moved, labels), inputs)


def _carried(experiment: Experiment, measured: Examination, found: np.ndarray) -> np.ndarray:
    """The first observations `[k, *s, C]` carried by poses `[k, d + 1, d + 1]`, for the eye."""
    avae, back = experiment.avae, _back(experiment, measured)

    def one(x: jax.Array, pose: jax.Array) -> jax.Array:
        return thumb(canonicalise(x, pose, avae=avae))

    return np.asarray(jax.jit(jax.vmap(one))(measured.observed[: len(found)], back @ found))
