"""One frame for all classes: averages about the centre that shifts are about, turned alike."""

import functools
from collections.abc import Callable

import jax
import numpy as np
from scipy.optimize import minimize

from avae_jax.inference.averaging.disc import Disc, each_moved, from_disc, moved
from avae_jax.inference.averaging.model import Model
from avae_jax.inference.averaging.turn import turned

LEAST_SPREAD = 0.02  # pixels
TURNS, CLEARLY = 48, 0.7  # turns tried, and what makes one clearly better
TIGHTER = (2.0, 1.0, 0.5)  # bounds of differences, in their deviation at the start


def rotated(vectors: np.ndarray, radians: np.ndarray) -> np.ndarray:
    """Vectors y, x `[..., 2]` turned by `[...]`."""
    cos, sin = np.cos(radians), np.sin(radians)
    y, x = vectors[..., 0], vectors[..., 1]
    return np.stack([cos * y - sin * x, sin * y + cos * x], -1)


def centred(
    model: Model, disc: Disc, angle: np.ndarray, shift: np.ndarray, weight: np.ndarray
) -> tuple[Model, np.ndarray]:
    """Averages moved to where shifts have no mean in the object's frame, and by what, `[K, 2]`.

    Args:
      angle, shift: of images towards classes, `[N, K]` radians and `[N, K, 2]` pixels in all.
      weight: of classes, `[N, K]`.
    """
    own = rotated(shift, -angle)
    mean = (own * weight[..., None]).sum(0) / (weight.sum(0)[:, None] + 1e-6)
    averages = each_moved(model.averages, mean.astype(np.float32), disc=disc)
    return model._replace(averages=averages), mean


def spread_of(shift: np.ndarray, variance: np.ndarray, prior: float) -> float:
    """The likeliest spread of shifts on an axis, from posteriors found under another one.

    Args:
      shift: posterior modes `[M]`, pixels.
      variance: posterior variances `[M]`.
      prior: the spread they were found under.
    """
    noise = 1 / np.maximum(1 / variance - 1 / prior**2, 1e-3 / prior**2)
    plain = shift * (1 + noise / prior**2)
    square = prior**2
    for _ in range(200):
        held = square / (square + noise)
        square = float((held**2 * plain**2 + held * noise).mean())
    return max(float(np.sqrt(square)), LEAST_SPREAD)


def registered(averages: np.ndarray, disc: Disc, shares: np.ndarray) -> np.ndarray:
    """Turns (radians) and shifts (pixels) `[K, 3]` that lay averages on the largest class.

    What most of the objects have in common counts, a part that moves does not: differences are
    bounded, ever more tightly. From where the averages stand, unless another turn is far better.
    """
    first = int(shares.argmax())
    still = np.zeros(3, np.float32)
    target = np.asarray(drawn_at(averages[first], still, disc))
    found = np.zeros((len(averages), 3))
    for k in np.flatnonzero(np.arange(len(averages)) != first):
        apart = functools.partial(_apart, averages[k], target, disc)
        scale = np.sqrt(((np.asarray(drawn_at(averages[k], still, disc)) - target) ** 2).mean())
        found[k, 0] = _turn(apart, scale + 1e-9)
        for tight in TIGHTER:
            options = {"initial_simplex": found[k] + _SIMPLEX, "maxfev": 120}
            options |= {"xatol": 1e-3, "fatol": 1e-6}
            bound = tight * scale + 1e-9
            found[k] = minimize(apart, found[k], bound, "Nelder-Mead", options=options).x
    return found


def _turn(apart: Callable[[np.ndarray, float], float], bound: float) -> float:
    """The turn (radians) to begin with: none, unless another one is clearly better."""
    turns = np.arange(TURNS) * (2 * np.pi / TURNS)
    losses = np.array([apart(np.array([turn, 0.0, 0.0]), bound) for turn in turns])
    return 0.0 if losses.min() > CLEARLY * losses[0] else float(turns[losses.argmin()])


_SIMPLEX = np.array([[0, 0, 0], [0.12, 0, 0], [0, 0.7, 0], [0, 0, 0.7]])


@functools.partial(jax.jit, static_argnames="disc")
def drawn_at(average: jax.Array, at: jax.Array, disc: Disc) -> jax.Array:
    """An average as images `[C, n, n]`, turned and shifted by `at [3]`, radians and pixels."""
    return from_disc(moved(turned(average, at[:1], disc)[0], at[None, 1:], disc), disc, disc.side)


def _apart(
    average: np.ndarray, target: np.ndarray, disc: Disc, at: np.ndarray, bound: float
) -> float:
    """The bounded difference of an average, turned and shifted by `at`, to an image."""
    image = np.asarray(drawn_at(average, at.astype(np.float32), disc))
    square = ((image - target) ** 2).sum(0)
    return float((square / (square + bound**2)).mean())
