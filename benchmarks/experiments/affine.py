"""General affine maps: the search against a VAE of the same data."""

from typing import Any

from benchmarks.experiments.posed_losses import at_random, nats, unmoved
from benchmarks.experiments.runs import Setting, trained


def measure(setting: Setting) -> dict[str, Any]:
    """Mean loss in nats, each test digit at a random pose of the family."""
    models = {kind: trained(setting, f"affine_{kind}") for kind in ("search", "vae")}
    losses = {}
    for kind, model in models.items():
        x, _ = at_random(model.posed, model.x)
        poses = model.posed.pose(x) if kind == "search" else unmoved(model.posed, x)
        losses[kind] = float(nats(model.posed, x, poses).mean())
    settled = models["search"].summary["pose"]["resultant_length"]
    return losses | {"resultant_length": settled}
