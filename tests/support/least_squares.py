"""Refinement of one pose towards the pose that is the datum."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from avae_jax.inference.search import Problem, first_order, gauss_newton
from avae_jax.transform import family, identity, retract
from avae_jax.transform.matrices import rotation_angle


@functools.cache
def least_squares(name: str, d: int) -> Problem:
    """The pose itself, against the pose that is the datum."""
    group = family(name, d)
    return Problem(
        predict=lambda datum, pose: {"pose": pose},
        loss=lambda datum, outputs: ((outputs["pose"] - datum) ** 2).sum() / 2,
        retract=functools.partial(retract, group),
        size=group.size,
    )


def degrees(pose: jax.Array, other: jax.Array) -> float:
    d = pose.shape[-1] - 1
    return float(np.degrees(rotation_angle(jnp.asarray(pose[:d, :d].T @ other[:d, :d]))))


def away(name: str, d: int, angle: float) -> jax.Array:
    """A pose `angle` degrees from no turn."""
    group = family(name, d)
    alpha = np.zeros(group.size, np.float32)
    turned = [i for i, name in enumerate(group.generators) if name.startswith("rotation")]
    alpha[turned] = np.radians(angle) / np.sqrt(len(turned))
    return retract(group, identity(d), jnp.asarray(alpha))


ADAM = optax.adam(0.3)


@functools.cache
def compiled(problem: Problem, optimiser: optax.GradientTransformation | None, **options):
    if optimiser is None:
        return jax.jit(functools.partial(gauss_newton.refine, problem, **options))
    return jax.jit(functools.partial(first_order.refine, problem, optimiser=optimiser, **options))


def refined(problem: Problem, start, datum, *, optimiser=None, **options) -> tuple:
    """The refined pose and its loss, as numpy arrays."""
    return jax.device_get(compiled(problem, optimiser, **options)(datum, start))
