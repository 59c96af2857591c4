"""Affine variational autoencoders: representation learning from objects in every pose.

    model, params = avae_jax.build(key, (40, 40), 1)
    avae = avae_jax.affine_vae(model, avae_jax.frame((40, 40)), fill, group=group)
    found = avae_jax.find_poses(params, keys, x, avae=avae, options=options)

Conventions (axes, units, directions) stand in `avae_jax.transform`. Names are imported
when first used, so that importing the package costs nothing.
"""

import importlib
from typing import Any

_HOMES = {
    "avae_jax.config.options": (
        "ModelOptions",
        "RangeOptions",
        "SearchOptions",
        "TrainOptions",
    ),
    "avae_jax.inference.find_poses": ("find_poses",),
    "avae_jax.inference.marginal": (
        "Draws",
        "Evidence",
        "among",
        "from_draws",
        "marginal_bound",
    ),
    "avae_jax.inference.posterior": ("pose_posterior",),
    "avae_jax.inference.problem": ("example_keys",),
    "avae_jax.inference.search": (
        "Problem",
        "SearchResult",
        "resolve",
        "search",
        "starts",
    ),
    "avae_jax.inference.trained": ("Trained",),
    "avae_jax.models": (
        "Model",
        "build",
        "on_host",
        "wrap",
    ),
    "avae_jax.models.objective": (
        "AVAE",
        "Terms",
        "affine_vae",
        "canonicalise",
        "elbo",
    ),
    "avae_jax.serving.evaluate": ("evaluate",),
    "avae_jax.serving.export": ("export",),
    "avae_jax.serving.posed": ("Posed",),
    "avae_jax.training.optimiser": ("optimiser",),
    "avae_jax.training.restore": (
        "load",
        "pack",
    ),
    "avae_jax.training.state": (
        "TrainState",
        "init_state",
    ),
    "avae_jax.training.step": ("train_step",),
    "avae_jax.transform": (
        "Family",
        "Frame",
        "compose",
        "factorise",
        "family",
        "frame",
        "inverse",
        "random_pose",
        "warp",
    ),
    "avae_jax.transform.mixture": ("Mixture",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__version__ = "0.2.0"
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'avae_jax' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
