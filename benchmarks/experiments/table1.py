"""Table 1: four models, the mean over the angle of the input, and the curve over it."""

from typing import Any

import numpy as np

from benchmarks.experiments.posed_losses import nats, source_losses, turned, unmoved
from benchmarks.experiments.runs import Setting, Trained, trained

ANGLES = np.arange(0, 181, 20)
# Row -> (model, whether its poses are searched at inference).
ROWS = {
    "search_random": ("search_random", True),
    "search_upright": ("upright", True),
    "search_augmented": ("augmented", True),
    "vae_upright": ("upright", False),
}
# As published: Bidart and Wong 2019, Table 1.
PUBLISHED = dict(zip(ROWS, (601.2, 608.6, 609.8, 684.4), strict=True))


def measure(setting: Setting) -> dict[str, Any]:
    """`nats`, `source_loss` (as it ran) and `source_loss_as_written`, each row by row.

    And `marginal`, of the models that are searched: the bound on -log p(x), pose and code
    integrated out, of test digits at random poses (see `avae_jax.inference.marginal`).
    """
    marginal = {}
    curves: dict[str, dict[str, list[float]]] = {
        "nats": {},
        "source_loss": {},
        "source_loss_as_written": {},
    }
    for row, (kind, search) in ROWS.items():
        model = trained(setting, f"mnist_{kind}")
        curves["nats"][row] = _by_angle(nats(model.posed, *_views(model, search)))
        if search:
            marginal[row] = model.summary["loss"]["marginal"]
        model = trained(setting, f"mnist_source_{kind}")
        both = source_losses(model.posed, *_views(model, search))
        curves["source_loss"][row] = _by_angle(both["as_it_ran"])
        curves["source_loss_as_written"][row] = _by_angle(both["as_written"])
        means = ", ".join(f"{name} {np.mean(curve[row]):.1f}" for name, curve in curves.items())
        print(f"{row}: {means}", flush=True)
    means = {
        name: {row: float(np.mean(values)) for row, values in curve.items()}
        for name, curve in curves.items()
    }
    return means | {"marginal": marginal, "angles": ANGLES.tolist(), "curves": curves}


def _views(model: Trained, search: bool) -> tuple[np.ndarray, np.ndarray]:
    """The test digits at every angle, angle by angle, and the poses that explain them."""
    angles = [turned(model.posed, model.x, float(angle)) for angle in ANGLES]
    x = np.concatenate(angles)
    return x, model.posed.pose(x) if search else unmoved(model.posed, x)


def _by_angle(losses: np.ndarray) -> list[float]:
    return losses.reshape(len(ANGLES), -1).mean(1).tolist()
