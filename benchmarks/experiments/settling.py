"""How the model settles: poses of each digit through training, and at its end."""

from typing import Any

import numpy as np

from avae_jax.evaluation.pose_metrics import plane_angle, resultant_length
from benchmarks.experiments.posed_losses import at_random
from benchmarks.experiments.runs import Setting, trained

# Relative to where 6 is stored: so a peak there and one half a turn away are both shown whole.
BINS = np.arange(-90, 271, 15)
# Carried into each other by half a turn, as far as handwriting is.
PAIR = (6, 9)


def measure(setting: Setting) -> dict[str, Any]:
    """Histograms of canonical angles by digit and moment; what 1, 6 and 9 do at the end."""
    model = trained(setting, "mnist_search_random")
    x, applied = at_random(model.posed, model.x)
    relation = model.posed.pose(x) @ applied
    angles, labels = plane_angle(relation), model.labels
    six, nine = (mean_angle(angles[labels == digit]) for digit in PAIR)
    moments = [
        {"step": step} | _moment(seen["found"] @ seen["applied"], seen["label"], six)
        for step, seen in model.workdir.load_snapshots()
    ]
    return {
        "bins": BINS.tolist(),
        "moments": moments,
        "end": {
            "histograms": histograms(angles - six, labels),
            "by_digit": {str(k): concentration(angles[labels == k]) for k in np.unique(labels)},
            "resultant_length": resultant_length(relation, labels),
            "degrees_between_6_and_9": apart(six, nine),
            "interval_of_degrees": interval(*(angles[labels == digit] for digit in PAIR)),
        },
    }


def _moment(relation: np.ndarray, labels: np.ndarray, zero: float) -> dict[str, Any]:
    """What is told of poses found at one moment of training."""
    return {
        "resultant_length": resultant_length(relation, labels),
        "histograms": histograms(plane_angle(relation) - zero, labels),
    }


def histograms(angles: np.ndarray, labels: np.ndarray) -> dict[str, list[int]]:
    """Counts `[bins]` of angles in degrees, by label."""
    angles = (angles - BINS[0]) % 360 + BINS[0]
    return {
        str(label): np.histogram(angles[labels == label], BINS)[0].tolist()
        for label in np.unique(labels)
    }


def mean_angle(angles: np.ndarray) -> float:
    """The circular mean, in degrees."""
    return float(np.degrees(np.angle(np.exp(1j * np.radians(angles)).mean())))


def apart(one: float, other: float) -> float:
    """How far two angles are from each other, in degrees."""
    return float(abs((one - other + 180) % 360 - 180))


def interval(one: np.ndarray, other: np.ndarray) -> list[float]:
    """The 95 % bootstrap interval of how far the mean angles of two digits are apart."""
    rng = np.random.default_rng(0)
    found = [
        apart(*(mean_angle(rng.choice(angles, len(angles))) for angles in (one, other)))
        for _ in range(1000)
    ]
    return np.percentile(found, [2.5, 97.5]).tolist()


def concentration(angles: np.ndarray) -> dict[str, float]:
    """Resultant length of the angles and of twice them, and the share in the smaller half.

    Two peaks half a turn apart have a large second number and, if both are populated, a
    small first one and a large share half a turn away from the axis of most.
    """
    turns = np.exp(1j * np.radians(angles))
    axis = np.exp(0.5j * np.angle((turns**2).mean()))
    ahead = (turns * axis.conj()).real > 0
    return {
        "once": float(np.abs(turns.mean())),
        "twice": float(np.abs((turns**2).mean())),
        "opposite": float(min(ahead.mean(), 1 - ahead.mean())),
    }
