"""Whether the poses of a label have settled: the one definition, and its sentence.

The printed end of a run, `summary.json` and the page of the report all say what stands here.
"""

from collections.abc import Sequence

from avae_jax.report.findings import Agreement, LabelAgreement
from avae_jax.report.summary import Summary
from avae_jax.report.text import label_name

# A label has settled if this share of its examples lies within so many degrees of its common pose.
# It has two poses if this share lies so near to one of two poses half a turn apart, and at least
# the share `SECOND` at the rarer one.
SHARE, NEAR, SECOND = 0.8, 20.0, 0.1
OPPOSITE = 180.0 - NEAR
# The objects of a label look alike upside down if the turned pose explains at least this share of
# them nearly as well.
ALIKE = 0.5
SETTLED, SYMMETRIC, TWO_POSES, OPEN = "settled", "half-turn symmetric", "two poses", "open"


def state(label: LabelAgreement) -> str:
    """One of `SETTLED`, `SYMMETRIC`, `TWO_POSES` and `OPEN`."""
    if label.within_20 >= SHARE:
        return SETTLED
    if label.half_turn < SECOND or label.two_poses < SHARE:
        return OPEN
    return SYMMETRIC if label.alike >= ALIKE else TWO_POSES


def count(found: Agreement, wanted: str) -> int:
    """Labels in one state."""
    return sum(state(label) == wanted for label in found.labels)


def sentence(found: Agreement, names: tuple[str, ...]) -> str:
    """What has settled, in words; nothing without labels."""
    if not found.labels:
        return ""
    if len(found.labels) == 1:
        return f"The examples {ONE[state(found.labels[0])]}."
    said = f"{count(found, SETTLED)} of {len(found.labels)} labels have settled on one pose"
    for kind, (one, many) in SEVERAL.items():
        members = [label_name(x.label, names, 20) for x in found.labels if state(x) == kind]
        if members:
            said += f"; {listed(members)} {one if len(members) == 1 else many}"
    return f"{said}."


ONE = {
    SETTLED: "have settled on one pose",
    SYMMETRIC: "look alike after half a turn and keep both poses",
    TWO_POSES: "keep two poses half a turn apart",
    OPEN: "have not settled on one pose",
}
SEVERAL = {
    SYMMETRIC: (
        "looks alike after half a turn and keeps both poses",
        "look alike after half a turn and keep both poses",
    ),
    TWO_POSES: ("keeps two poses half a turn apart", "keep two poses half a turn apart"),
}


def advice(found: Summary) -> str:
    """What may help labels that have not settled; nothing where all have, or it is not known."""
    two_poses = bool(found.settling.two_poses)
    if not (two_poses or found.settling.open):
        return ""
    if found.train.search is False:
        return "It was trained without the search (train.search=false), which makes poses settle."
    other = "another seed" if two_poses else "search.preset=thorough"
    return f"More updates (train.steps) or {other} can help."


def listed(words: Sequence[str], most: int = 5) -> str:
    """Words as a list in a sentence, `most` of them and one more if that is the last."""
    if len(words) > most + 1:
        return f"{', '.join(words[:most])} and {len(words) - most} others"
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
