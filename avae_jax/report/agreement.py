"""How well the poses of each label agree: sentences and the table of labels."""

import math
from collections.abc import Sequence

import numpy as np

from avae_jax.report.findings import Agreement, Findings, LabelAgreement
from avae_jax.report.text import escaped, label_name

NEAR = 20.0  # degrees: what counts as the common pose
OPPOSITE = 150.0  # degrees: from here on half a turn off
# A label has settled if this share of its examples is near its common pose, and keeps two poses
# if that share lies half a turn off.
SETTLED, DIVIDED = 0.8, 0.1
MOST = 40  # labels in the table


def verdict(findings: Findings) -> str:
    """One to three plain sentences about what the model has learned."""
    found = findings.agreement
    if found is None or not len(found.degrees):
        return _without_poses(findings)
    near, count = float((found.degrees < NEAR).mean()), len(found.degrees)
    pose = "the common pose of their label" if len(found.labels) > 1 else "one common pose"
    said = [
        f"{near:.0%} of {count:,} held-out examples were brought within {NEAR:.0f} degrees of "
        f"{pose}; poses at random would give {chance(found.dimensions):.0%}."
    ]
    if len(found.labels) > 1:
        said.append(_labels(found, findings.label_names))
    return " ".join(filter(None, (*said, _advice(findings, found))))


def chance(dimensions: int) -> float:
    """The share of rotations at random that are near a given one."""
    angle = math.radians(NEAR)
    return angle / math.pi if dimensions == 2 else (angle - math.sin(angle)) / math.pi


def is_settled(label: LabelAgreement) -> bool:
    """Whether nearly all examples of a label share one pose."""
    return label.within_20 >= SETTLED


def is_divided(label: LabelAgreement) -> bool:
    """Whether a label keeps two poses half a turn apart."""
    return not is_settled(label) and label.half_turn >= DIVIDED


def _without_poses(findings: Findings) -> str:
    loss = findings.summary.loss
    if loss.posed is None or loss.posed_search is None:
        return ""
    return (
        f"The search lowers the loss of held-out examples from {loss.posed:.1f} to "
        f"{loss.posed_search:.1f} nats. What pose they should share is not known, so their poses "
        "are not scored."
    )


def _labels(found: Agreement, names: tuple[str, ...]) -> str:
    settled = sum(map(is_settled, found.labels))
    said = f"{settled} of {len(found.labels)} labels have settled on one pose"
    divided = [label_name(one.label, names, 20) for one in found.labels if is_divided(one)]
    if divided:
        verb = "keeps" if len(divided) == 1 else "keep"
        said += f"; {listed(divided)} {verb} two poses half a turn apart"
    return f"{said}."


def _advice(findings: Findings, found: Agreement) -> str:
    if all(map(is_settled, found.labels)):
        return ""
    if findings.summary.train.search is False:
        return "It was trained without the search (train.search=false), which makes poses settle."
    if any(map(is_divided, found.labels)):
        return (
            "An object that looks alike upside down has two poses by nature; for others, more "
            "updates (train.steps) or another seed can help."
        )
    return "More updates (train.steps) or search.preset=thorough can help."


def listed(words: Sequence[str], most: int = 5) -> str:
    """Words as a list in a sentence, at most `most` of them."""
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} others"
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def table(found: Agreement, names: tuple[str, ...]) -> str:
    """The table of labels as HTML."""
    heads = ("label", "examples", "within 20&deg;", "half a turn off", "resultant length", "")
    head = "".join(f'<th scope="col">{title}</th>' for title in heads)
    rows = "".join(_row(label, names) for label in found.labels[:MOST])
    more = len(found.labels) - MOST
    note = f"<p>The first {MOST} of {len(found.labels)} labels.</p>" if more > 0 else ""
    return (
        f'<table class="labels"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{note}'
    )


def _row(label: LabelAgreement, names: tuple[str, ...]) -> str:
    state = "settled" if is_settled(label) else "two poses" if is_divided(label) else "open"
    cells = (
        f"{label.count:,}",
        f"{label.within_20:.0%}",
        f"{label.half_turn:.0%}",
        f"{label.resultant_length:.2f}",
        f'<span class="{state.split()[0]}">{state}</span>',
    )
    name = escaped(label_name(label.label, names, 24)) if names else "all"
    body = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{name}</th>{body}</tr>'


def shares(degrees: np.ndarray, bins: int = 18) -> tuple[np.ndarray, np.ndarray]:
    """Edges `[bins + 1]` in degrees and the share of examples in each bin."""
    counts, edges = np.histogram(degrees, bins=bins, range=(0.0, 180.0))
    return edges, counts / max(len(degrees), 1)
