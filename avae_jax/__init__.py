"""Affine variational autoencoders: representation learning from objects in every pose.

From arrays, `aligned, table = avae_jax.align(images)`, or in two steps:

    posed = avae_jax.fit(images, family="rotation")
    upright, poses, codes = posed.transform(images), posed.pose(images), posed.encode(images)

A model of the package, which needs no training, and the functions underneath, which JAX
transforms:

>>> import jax, numpy as np, avae_jax
>>> posed = avae_jax.pretrained("digits")
>>> params, avae, search, bank, codes = posed.trained
>>> x = np.zeros((2, 24, 24, 1), np.float32)
>>> x[:, 6:18, 11:13] = 1
>>> keys = avae_jax.example_keys(jax.random.key(0), np.arange(2))
>>> find = jax.jit(lambda x: avae_jax.find_poses(params, keys, x, avae=avae, options=search,
...                                              bank=bank))
>>> find(x).pose.shape
(2, 3, 3)
>>> terms = avae_jax.elbo(params, None, x[0], np.eye(3, dtype=np.float32), avae=avae)
>>> bool(terms.nll + terms.kl > 0)
True

Conventions (axes, units, directions) stand in `avae_jax.transform`. Names are imported
when first used, so that importing the package costs nothing.
"""

import importlib
from typing import Any

# `__init__.pyi` holds the same names for type checkers and editors; a test compares them.
_HOMES = {
    "avae_jax.config.options": (
        "DataOptions",
        "EvalOptions",
        "LogOptions",
        "ModelOptions",
        "Options",
        "RangeOptions",
        "SearchOptions",
        "TrainOptions",
    ),
    "avae_jax.core.errors": ("InputError",),
    "avae_jax.inference.calibration": ("Calibration", "calibrated", "fit_calibration"),
    "avae_jax.inference.find_poses": ("build_bank", "find_poses"),
    "avae_jax.inference.joint_marginal": ("joint_marginal_bound",),
    "avae_jax.inference.joint_posterior": ("JointPosterior", "joint_posterior"),
    "avae_jax.inference.marginal": (
        "Draws",
        "Evidence",
        "discrete_pose_draws",
        "marginal_bound",
        "marginal_bound_from_draws",
    ),
    "avae_jax.inference.posterior": ("pose_posterior",),
    "avae_jax.inference.problem": ("example_keys",),
    "avae_jax.inference.search": (
        "Problem",
        "SearchResult",
        "resolve_search",
        "search",
        "start_poses",
    ),
    "avae_jax.inference.trained": ("Trained",),
    "avae_jax.inference.uncertainty": ("Uncertainty", "uncertainty"),
    "avae_jax.models": (
        "Model",
        "build_model",
        "from_numpy_functions",
    ),
    "avae_jax.models.affine_model": ("AVAE", "affine_vae"),
    "avae_jax.models.objective": ("Terms", "canonicalise", "elbo"),
    "avae_jax.serving.align": ("align",),
    "avae_jax.serving.aligner": ("Aligner",),
    "avae_jax.serving.evaluate": ("evaluate",),
    "avae_jax.serving.export": ("export",),
    "avae_jax.serving.fit": ("fit",),
    "avae_jax.serving.packaged": ("pretrained",),
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
        "Factors",
        "Family",
        "Frame",
        "compose",
        "factorise",
        "inverse",
        "make_frame",
        "parse_family",
        "random_pose",
        "retract",
        "warp",
    ),
    "avae_jax.transform.mixture": ("Mixture",),
}
# Earlier names, which go on working.
_EARLIER = {
    "avae_jax.inference.marginal": ("among", "from_draws"),
    "avae_jax.inference.search": ("resolve", "starts"),
    "avae_jax.models": ("build", "on_host", "wrap"),
    "avae_jax.transform": ("family", "frame"),
}
_HOME = {
    name: module
    for homes in (_EARLIER, _HOMES)
    for module, names in homes.items()
    for name in names
}

__version__ = "0.2.0"
__all__ = sorted(name for names in _HOMES.values() for name in names)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    # Imported for a mistake alone.
    from avae_jax.core.choices import nearest

    raise AttributeError(f"module 'avae_jax' has no attribute {name!r}{nearest(name, __all__)}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
