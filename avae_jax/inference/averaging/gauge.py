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
INSIDE = 0.1  # of the brightest place of the mean: there the objects are
ROUNDS, STILL = 8, 1e-3  # rounds at most; radians and pixels that no longer count


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

    All averages move, one after the other, until they differ least about their mean. What most
    objects have in common counts, a part that moves does not: differences in a channel at a place
    are taken for Cauchy's, of a width that they tell. It is narrow where only an arm moves, and
    wide where all objects differ. From where the averages stand, unless another turn is far better.
    """
    first, weight = int(shares.argmax()), shares / shares.sum()
    found = np.zeros((len(averages), 3))
    images = _drawn(averages, found, disc)
    for k in np.flatnonzero(np.arange(len(averages)) != first):
        apart = functools.partial(_apart, averages[k], images[first], disc)
        found[k, 0] = _turn(apart, np.sqrt(((images[k] - images[first]) ** 2).mean()) + 1e-9)
    images = _drawn(averages, found, disc)
    mean = np.abs(np.tensordot(weight, images, 1)).sum(0)
    inside = mean > INSIDE * mean.max()
    for number in range(ROUNDS if len(averages) > 1 else 0):
        before, square = found, _width(images, weight, inside)
        differ = functools.partial(_differ, weight=weight, inside=inside, square=square)
        found = found.copy()
        for k in range(len(averages)):
            found[k] = _least(differ, averages[k], images, k, found[k], 1 / (1 + number), disc)
        if np.abs(_about(found, first) - _about(before, first)).max() < STILL:
            break
    return _about(found, first)


def _least(
    differ: Callable[[np.ndarray], float],
    average: np.ndarray,
    images: np.ndarray,
    k: int,
    begun: np.ndarray,
    step: float,
    disc: Disc,
) -> np.ndarray:
    """Where the `k`th average makes all `images` differ least; it is drawn there in them."""

    def differ_at(at: np.ndarray) -> float:
        images[k] = drawn_at(average, at.astype(np.float32), disc)
        return differ(images)

    options = {"initial_simplex": begun + step * _SIMPLEX, "maxfev": 60}
    options |= {"xatol": STILL, "fatol": 1e-7}
    found = minimize(differ_at, begun, method="Nelder-Mead", options=options).x
    differ_at(found)
    return found


def _differ(images: np.ndarray, weight: np.ndarray, inside: np.ndarray, square: float) -> float:
    """How much images differ about their mean, a part of a nat a place, by Cauchy's density."""
    return float(np.log1p(_spread(images, weight, inside) / square).mean())


def _spread(images: np.ndarray, weight: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Squared differences of images `[K, C, n, n]` about their mean, summed over the images.

    Of each channel at each place inside: colours of what stays tell more than those of arms.
    """
    part = images[:, :, inside]
    about = part - np.tensordot(weight, part, 1)
    return len(images) * np.tensordot(weight, about**2, 1).ravel()


def _width(images: np.ndarray, weight: np.ndarray, inside: np.ndarray) -> float:
    """The likeliest square of the width of Cauchy's density."""
    spread, free = _spread(images, weight, inside), len(images) - 1
    square = spread.mean() / free + 1e-12
    least = 1e-6 * square
    for _ in range(200):
        square = ((1 + free) / (1 + spread / square) * spread).mean() / free + least
    return float(square)


def _about(found: np.ndarray, first: int) -> np.ndarray:
    """Turns and shifts `[K, 3]` in the frame of one of them."""
    shift = rotated(found[:, 1:] - found[first, 1:], -found[first, 0])
    return np.concatenate([found[:, :1] - found[first, 0], shift], 1)


def _drawn(averages: np.ndarray, found: np.ndarray, disc: Disc) -> np.ndarray:
    """Averages as images `[K, C, n, n]`, each turned and shifted by its `[3]`."""
    at = found.astype(np.float32)
    return np.stack([drawn_at(a, p, disc) for a, p in zip(averages, at, strict=True)])


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
