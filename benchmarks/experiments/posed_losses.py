"""Losses of trained models on examples in given poses, an example at a time, and their spread."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import Posed
from avae_jax.core.batches import in_batches
from avae_jax.core.types import Array, Key, Params, PyTree
from avae_jax.inference import batch as evaluate
from avae_jax.inference.problem import example_keys
from avae_jax.models.objective import AVAE, pad_to_outer, predict
from avae_jax.transform.matrices import affine, identity, plane_rotation
from avae_jax.transform.warp import warp

# Mean and standard deviation of the pixels of MNIST, by which the source standardised them.
MEAN, DEVIATION = 0.1307, 0.3081
DRAWS = 2000
KEY = jax.random.key(0)


def each(function: Callable, posed: Posed, *rows: np.ndarray, size: int = 100) -> PyTree:
    """`function(params, index, *rows)` of all examples by a compiled program, as numpy arrays."""
    call = functools.partial(jax.jit(function), posed.trained.params)
    return in_batches(call, np.arange(len(rows[0]), dtype=np.int32), *rows, size=size)


def turned(posed: Posed, x: np.ndarray, degrees: float) -> np.ndarray:
    """Images `[n, H, W, C]` turned by an angle, positive as `np.rot90` turns."""
    pose = affine(plane_rotation(jnp.radians(degrees), (0, 1), 2), jnp.zeros(2))
    return moved(posed, x, np.tile(np.asarray(pose), (len(x), 1, 1)))


def moved(posed: Posed, x: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Examples `[n, *S, C]`, each moved by its pose."""
    avae = posed.trained.avae
    one = functools.partial(warp, source=avae.inner, target=avae.inner)
    over = jax.vmap(one, (0, 0, None))
    return each(lambda _, index, x, poses: over(x, poses, avae.fill), posed, x, poses)


def at_random(posed: Posed, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each example at its own random pose of the family, and that pose."""
    apply = functools.partial(evaluate.apply_poses, KEY, avae=posed.trained.avae)
    return each(lambda _, index, x: apply(x, index), posed, x)


def unmoved(posed: Posed, x: np.ndarray) -> np.ndarray:
    """The identity pose for every example."""
    return np.tile(np.asarray(identity(posed.trained.avae.group.d)), (len(x), 1, 1))


def nats(posed: Posed, x: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """The reported loss `[n]`, nll + KL with z sampled, at `poses`."""
    avae = posed.trained.avae

    def batch(params: Params, index: Array, x: Array, poses: Array) -> Array:
        return evaluate.losses(params, KEY, x, index, poses, avae=avae)

    return each(batch, posed, x, poses)


def squared_error(posed: Posed, x: np.ndarray, poses: np.ndarray) -> np.ndarray:
    """Summed squared errors `[n]` of the reconstruction from the mean of z, at `poses`."""
    avae = posed.trained.avae

    def one(params: Params, x: Array, pose: Array) -> Array:
        mean = predict(params, None, x, pose, avae=avae).mean
        return jnp.square(mean - pad_to_outer(x, avae=avae)).sum()

    over = jax.vmap(one, (None, 0, 0))
    return each(lambda params, index, x, poses: over(params, x, poses), posed, x, poses)


def source_losses(posed: Posed, x: np.ndarray, poses: np.ndarray) -> dict[str, np.ndarray]:
    """The loss of the source `[n]`, z sampled, at `poses`: as it is written, and as it ran.

    Squared errors on standardised pixels and a KL that takes the log-variance for the
    log-deviation. Its decoder ends in a sigmoid, which does not reach most standardised
    values: `as_it_ran` takes the value in [0, 1] next to what was drawn.
    """
    one = functools.partial(_source_loss, avae=posed.trained.avae)

    def batch(params: Params, index: Array, x: Array, poses: Array) -> dict[str, Array]:
        keys = example_keys(jax.random.fold_in(KEY, 2), index)
        return jax.vmap(one, (None, 0, 0, 0))(params, keys, x, poses)

    return each(batch, posed, x, poses)


def _source_loss(
    params: Params, key: Key, x: Array, pose: Array, *, avae: AVAE
) -> dict[str, Array]:
    outputs = predict(params, key, x, pose, avae=avae)
    wanted = (pad_to_outer(x, avae=avae) - MEAN) / DEVIATION
    drawn = (outputs.mean - MEAN) / DEVIATION
    deviation = outputs.logvar
    kl = (jnp.exp(2 * deviation) + jnp.square(outputs.mu) - 1 - 2 * deviation).sum() / 2
    return {
        "as_written": jnp.square(drawn - wanted).sum() + kl,
        "as_it_ran": jnp.square(jnp.clip(drawn, 0, 1) - wanted).sum() + kl,
    }


def with_interval(values: np.ndarray) -> dict[str, Any]:
    """Mean over examples `[n]`, and the 95 % bootstrap interval of that mean."""
    draws = np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.percentile(values[draws].mean(1), [2.5, 97.5])
    return {"mean": float(values.mean()), "interval": [float(low), float(high)]}
