"""The numbers of a run: what `report/summary.json` holds."""

from typing import Any

import numpy as np

from avae_jax.evaluation import pose_metrics
from avae_jax.evaluation.held_out import Examination
from avae_jax.evaluation.likelihood_bound import numbers
from avae_jax.inference.marginal import Evidence
from avae_jax.training.experiment import Experiment


def summarise(
    experiment: Experiment,
    measured: Examination,
    bounds: Evidence | None,
    *,
    steps: int,
    seconds: float,
) -> dict[str, Any]:
    """Groups of numbers, `None` for what does not apply. Losses in nats per example.

    Args:
      bounds: of `measure_evidence`.
      steps: updates done.
      seconds: spent on them, compilation included.
    """
    known = experiment.options.one_pose
    return {
        "loss": {
            "upright": float(measured.upright.mean()),
            "posed": float(measured.posed.mean()),
            "posed_search": float(measured.posed_search.mean()),
            "posed_true": float(measured.posed_true.mean()) if known else None,
            "marginal": None if bounds is None else float(-bounds.bound.mean()),
        },
        "marginal": numbers(bounds, samples=experiment.options.eval.marginal_samples),
        "pose": pose_numbers(experiment, measured),
        "canonical": {
            "outside": float(measured.outside.mean()),
            "cropped": float(measured.cropped.mean()),
        },
        "search": {
            "preset": experiment.search.preset,
            "forward_equivalents": measured.forward_equivalents,
            "seconds_per_example": measured.seconds_per_example,
            "nonfinite": int(measured.nonfinite.sum()),
        },
        "train": {"steps": steps, "seconds": seconds, "search": experiment.options.train.search},
        "data": {
            "source": experiment.options.data.source,
            "train": len(experiment.dataset.train),
            "test": len(experiment.dataset.test),
            "evaluated": len(measured.found),
        },
    }


def pose_numbers(experiment: Experiment, measured: Examination) -> dict[str, float | None]:
    """How well the found poses agree; `None` where the family has no such part.

    All are `None` of examples in poses of their own: what they should agree on is not known.
    """
    group = experiment.avae.group
    moved = measured.found @ measured.applied
    errors = pose_metrics.pose_errors(moved, measured.target)
    known = experiment.options.one_pose
    turns, shifts = known and group.has("rotation"), known and group.has("shift")
    flat = turns and group.d == 2
    length = pose_metrics.resultant_length(moved, measured.labels)
    return {
        "median_deg": float(np.median(errors.degrees)) if turns else None,
        "p90_deg": float(np.percentile(errors.degrees, 90)) if turns else None,
        "within_20": float((errors.degrees < 20).mean()) if turns else None,
        "resultant_length": length if turns else None,
        "quarter_turn": pose_metrics.quarter_turn(measured.found) if flat else None,
        "median_shift": float(np.median(errors.shift)) if shifts else None,
    }


def print_summary(summary: dict) -> None:
    """Prints losses and poses, a line each."""
    loss, pose = summary["loss"], summary["pose"]
    true = loss["posed_true"]
    print(
        f"loss in nats: {'as they come' if true is None else 'upright'} {loss['upright']:.2f}, "
        f"posed {loss['posed']:.2f}, with search {loss['posed_search']:.2f}"
        + ("" if true is None else f", at the true pose {true:.2f}")
    )
    if loss["marginal"] is not None:
        marginal = summary["marginal"]
        print(
            f"marginal: -log p(x) at most {loss['marginal']:.2f} nats, pose and code integrated "
            f"out ({marginal['samples']} draws, {marginal['effective']:.0f} effective)"
        )
    if pose["median_deg"] is not None:
        print(
            f"poses: median error {pose['median_deg']:.1f} degrees, "
            f"{pose['within_20']:.0%} within 20, resultant length {pose['resultant_length']:.2f}"
        )
