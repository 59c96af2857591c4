"""The summary of an evaluation, from its measurements."""

import numpy as np

from avae_jax.evaluation import pose_metrics
from avae_jax.evaluation.held_out import HeldOutResult
from avae_jax.evaluation.task import Task
from avae_jax.inference.marginal import Evidence
from avae_jax.inference.pareto import UNTRUSTED
from avae_jax.report import Agreement, Reliability, settled, summary
from avae_jax.report.summary import Summary


def summarise(
    task: Task,
    measured: HeldOutResult,
    bounds: Evidence | None,
    agreed: Agreement | None,
    reliable: Reliability | None,
    training: summary.Training,
) -> Summary:
    """Groups of numbers, `None` if a number does not apply. Losses in nats per example.

    Args:
      bounds: result of `bound_marginal_likelihood`.
      agreed: of the poses of each label, if it is known what they should share.
      reliable: of the stated uncertainty of the poses, likewise.
    """
    return Summary(
        loss=_losses(task, measured, bounds),
        marginal=_marginal(bounds, samples=task.options.eval.marginal_samples),
        pose=pose_numbers(task, measured),
        uncertainty=_uncertainty(reliable),
        settling=_settling(agreed, task.dataset.label_names),
        canonical=summary.CanonicalFrame(
            outside=float(measured.outside.mean()), cropped=float(measured.cropped.mean())
        ),
        search=summary.SearchCost(
            preset=task.search.preset,
            forward_equivalents=measured.forward_equivalents,
            seconds_per_example=measured.seconds_per_example,
            nonfinite=int(measured.result.nonfinite.sum()),
        ),
        train=training,
        data=summary.Data(
            source=task.options.data.source,
            train=len(task.dataset.train),
            test=len(task.dataset.test),
            evaluated=len(measured.found),
        ),
    )


def _losses(task: Task, measured: HeldOutResult, bounds: Evidence | None) -> summary.Losses:
    known = task.options.one_pose
    return summary.Losses(
        upright=float(measured.upright.mean()),
        posed=float(measured.posed.mean()),
        posed_search=float(measured.posed_search.mean()),
        posed_true=float(measured.posed_true.mean()) if known else None,
        marginal=None if bounds is None else float(-bounds.bound.mean()),
    )


def _marginal(found: Evidence | None, *, samples: int) -> summary.MarginalBound:
    if found is None:
        return summary.MarginalBound()
    count = len(found.bound)
    return summary.MarginalBound(
        error=float(found.bound.std(ddof=1) / count**0.5) if count > 1 else None,
        effective=float(found.effective.mean()),
        untrusted=float((np.asarray(found.shape) > UNTRUSTED).mean()),
        examples=count,
        samples=samples,
    )


def _uncertainty(found: Reliability | None) -> summary.Uncertainty:
    if found is None:
        return summary.Uncertainty()
    held = dict(zip(found.stated, found.held, strict=True))
    return summary.Uncertainty(
        examples=found.examples,
        median_deg=found.median_deg,
        elsewhere=found.elsewhere,
        found_elsewhere=found.found_elsewhere,
        held_50=held[0.5],
        held_90=held[0.9],
        held_99=held[0.99],
        held_90_of_model=dict(zip(found.stated, found.held_of_model, strict=True))[0.9],
        **found.calibration,
    )


def _settling(found: Agreement | None, names: tuple[str, ...]) -> summary.Settling:
    if found is None:
        return summary.Settling()
    states = settled.SETTLED, settled.SYMMETRIC, settled.TWO_POSES, settled.OPEN
    counts = (settled.count(found, state) for state in states)
    return summary.Settling(settled.sentence(found, names), len(found.labels), *counts)


def pose_numbers(task: Task, measured: HeldOutResult) -> summary.PoseErrors:
    """Agreement of the found poses; `None` if the family has no such parameter.

    All are `None` for examples in unknown poses, which have no known target.
    """
    group = task.avae.group
    moved = measured.found @ measured.applied
    errors = pose_metrics.pose_errors(moved, measured.target)
    known = task.options.one_pose
    turns, shifts = known and group.has("rotation"), known and group.has("shift")
    flat = turns and group.d == 2
    length = pose_metrics.resultant_length(moved, measured.labels)
    return summary.PoseErrors(
        median_deg=float(np.median(errors.degrees)) if turns else None,
        p90_deg=float(np.percentile(errors.degrees, 90)) if turns else None,
        within_20=float((errors.degrees < 20).mean()) if turns else None,
        resultant_length=length if turns else None,
        quarter_turn=pose_metrics.quarter_turn(measured.found) if flat else None,
        median_shift=float(np.median(errors.shift)) if shifts else None,
    )


def print_summary(found: Summary) -> None:
    """Prints losses and poses, a line each."""
    loss, pose = found.loss, found.pose
    true = loss.posed_true
    unmoved = f"{'as they come' if true is None else 'upright'} {loss.upright:.2f}, "
    print(
        f"loss in nats: {'' if summary.turning_smooths(loss) else unmoved}"
        f"posed {loss.posed:.2f}, with search {loss.posed_search:.2f}"
        + ("" if true is None else f", at the true pose {true:.2f}")
    )
    if loss.marginal is not None:
        print(
            f"marginal: -log p(x) at most {loss.marginal:.2f} nats, pose and code integrated "
            f"out ({found.marginal.samples} draws, {found.marginal.effective:.0f} effective)"
        )
    if pose.median_deg is not None:
        print(
            f"poses: median error {pose.median_deg:.1f} degrees, "
            f"{pose.within_20:.0%} within 20, resultant length {pose.resultant_length:.2f}"
        )
    sure = found.uncertainty
    if sure.held_90 is not None:
        print(
            f"uncertainty: regions of 90 % hold {sure.held_90:.0%} of {sure.examples} true poses "
            f"({sure.held_90_of_model:.0%} as the model states them), median deviation "
            f"{sure.median_deg:.1f} degrees"
        )
    if found.settling.sentence:
        print(" ".join(filter(None, (found.settling.sentence, settled.advice(found)))))
