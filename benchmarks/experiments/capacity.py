"""Loss against latent size: upright, random poses with the search, random poses without."""

from typing import Any

from benchmarks.experiments.posed_losses import at_random, nats, unmoved, with_interval
from benchmarks.experiments.runs import Setting, trained
from configs.experiments.capacity import KINDS, LATENT, name_of


def measure(setting: Setting) -> dict[str, Any]:
    """Losses in nats by kind and latent size, and the size that the search makes needless."""
    losses: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    for latent in LATENT:
        for kind in KINDS:
            model = trained(setting, name_of(kind, latent))
            x = model.x if kind == "upright" else at_random(model.posed, model.x)[0]
            search = kind == "search_random"
            poses = model.posed.pose(x) if search else unmoved(model.posed, x)
            losses[kind][str(latent)] = with_interval(nats(model.posed, x, poses))
        text = ", ".join(f"{kind} {losses[kind][str(latent)]['mean']:.1f}" for kind in KINDS)
        print(f"latent {latent}: {text}", flush=True)
    return {"latent": list(LATENT), "losses": losses, "as_good_without": as_good(losses)}


def as_good(losses: dict[str, dict[str, Any]]) -> dict[str, int | None]:
    """Latent size with the search -> the smallest without it at no higher a loss, if any."""
    without = {int(size): value["mean"] for size, value in losses["augmented"].items()}
    return {
        size: min((n for n, loss in without.items() if loss <= value["mean"]), default=None)
        for size, value in losses["search_random"].items()
    }
