"""Basin of attraction: a volume registered to its rotated self.

The loss is half the summed squared difference: no model stands between. Gradients alone begin
at the identity, the search at rotations that cover SO(3) evenly.
"""

import functools
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from avae_jax import Problem, SearchOptions, resolve, search, starts
from avae_jax.config.options import RangeOptions
from avae_jax.core.types import Array
from avae_jax.inference.search import first_order, gauss_newton
from avae_jax.transform import family, frame
from avae_jax.transform.families import retract
from avae_jax.transform.matrices import identity, rotation_angle
from avae_jax.transform.warp import warp
from benchmarks.data import chairs
from benchmarks.experiments.posed_losses import with_interval
from benchmarks.experiments.runs import Setting

ANGLES = (15, 30, 45, 60, 90, 135, 180)
FOUND = 5.0  # degrees
ADAM_STEPS, NEWTON_STEPS = 300, 30
SEARCH = SearchOptions(
    kind="even", starts=256, keep=4, steps=10, method="gauss_newton", distance=15.0
)


def measure(setting: Setting) -> dict[str, Any]:
    """Share of volumes registered to within 5 degrees, by angle and method."""
    config = setting.config | setting.config[setting.size]
    x = chairs(Path(os.environ["AVAE_DATA"]), side=config["side"])[: config["examples"]]
    ways = {"adam": _adam, "gauss_newton": _newton, "search": _searched}
    found = {name: jax.jit(jax.vmap(way)) for name, way in ways.items()}
    shares: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for angle in ANGLES:
        poses = turns(len(x), angle)
        target = jax.vmap(_turned)(x, poses)
        for name, way in found.items():
            off = np.degrees(np.asarray(_apart(way(x, target), poses)))
            shares[name].append(with_interval(np.float64(off < FOUND)))
        print(angle, {name: share[-1]["mean"] for name, share in shares.items()}, flush=True)
    return {"angles": list(ANGLES), "within_degrees": FOUND, "shares": shares}


def turns(count: int, degrees: float) -> np.ndarray:
    """Rotations `[count, 4, 4]` by one angle about axes drawn at random."""
    axes = np.random.default_rng(0).normal(size=(count, 3))
    vectors = np.radians(degrees) * axes / np.linalg.norm(axes, axis=1, keepdims=True)
    move = functools.partial(retract, family("rotation", 3), identity(3))
    return np.asarray(jax.vmap(move)(jnp.float32(vectors)))


def _turned(x: Array, pose: Array) -> Array:
    inner = frame(x.shape[:-1])
    return warp(x, pose, jnp.zeros(1), source=inner, target=inner)


def problem() -> Problem:
    """Registration of `(volume, target)`."""
    group = family("rotation", 3)
    return Problem(
        predict=lambda datum, pose: _turned(datum[0], pose),
        loss=lambda datum, drawn: jnp.square(drawn - datum[1]).sum() / 2,
        retract=functools.partial(retract, group),
        size=group.size,
    )


def _adam(x: Array, target: Array) -> Array:
    optimiser, begin = optax.adam(0.03), identity(3)
    shared = {"optimiser": optimiser, "steps": ADAM_STEPS, "unroll": False}
    return first_order.refine(problem(), (x, target), begin, **shared)[0]


def _newton(x: Array, target: Array) -> Array:
    shared = {"steps": NEWTON_STEPS, "unroll": False}
    return gauss_newton.refine(problem(), (x, target), identity(3), **shared)[0]


def _searched(x: Array, target: Array) -> Array:
    group, key = family("rotation", 3), jax.random.key(0)
    begin = starts(key, group, RangeOptions(), kind="even", count=SEARCH.starts)
    datum = jax.tree.map(lambda leaf: leaf[None], (x, target))
    options = resolve(SEARCH, group)
    return search(problem(), datum, begin[None], options=options).pose[0]


def _apart(found: Array, poses: Array) -> Array:
    """Angle in radians between rotations, pair by pair."""
    back = jnp.swapaxes(poses[:, :3, :3], 1, 2) @ found[:, :3, :3]
    return jax.vmap(rotation_angle)(back)
