"""How many averages a stack has: as many as pay for themselves."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from avae_jax.inference.averaging.data import Data, recentred
from avae_jax.inference.averaging.disc import ring_sums
from avae_jax.inference.averaging.em import QUIET, Fit, near_rounds, rounds
from avae_jax.inference.averaging.local import bank_of
from avae_jax.inference.averaging.model import Common, Model
from avae_jax.inference.averaging.modes import MODES, modes, peaks
from avae_jax.inference.averaging.near import found_of
from avae_jax.inference.averaging.sampling import Level
from avae_jax.inference.averaging.split import split, upright

STARTS = 6
FIRST, MANY = 12, 30  # rounds of each start, and of what is kept
WIDE = 0.083  # of the smoothing of a first template, in sides
AGAIN, BETTER = 2, 0.05  # times classes are tried as the one; nats an image that count
PATIENCE = 2  # numbers of classes tried beyond the best


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A model of some number of classes.

    Attributes:
      log_likelihood: between the samples, in nats.
      score: what is left of it when the averages' entries have cost what they are sure of.
      shift: of the images, under their likeliest class, from the batches' centres, `[N, 2]`.
    """

    model: Model
    log_likelihood: float
    score: float
    shift: np.ndarray


def explored(
    data: Data, level: Level, spread: float, counts: range, rng: np.random.Generator
) -> Candidate:
    """The best number of averages: one that began as single images, then split.

    Classes may turn out to be one object in poses that the one average had confused, as the arms
    of a star: each of them is tried as the one average, and where that is better, split again.
    """
    starts = [_start(data, rng, spread) for _ in range(STARTS)]
    one = _one(data, level, starts, rng)
    # Samples of shift are coarse: about where each image is, they do not mislead its angle.
    data = recentred(data, one.shift)
    one = _one(data, level, [one.model], rng)
    best = _chosen(data, one, level, counts, rng)
    for _ in range(AGAIN):
        again = [
            one.model._replace(averages=average[None], kept=kept[None], cost=cost[None])
            for average, kept, cost in zip(
                best.model.averages, best.model.kept, best.model.cost, strict=True
            )
        ]
        other = _one(data, level, again, rng) if len(again) > 1 else one
        if other.log_likelihood < one.log_likelihood + BETTER * data.count:
            break
        one = other
        made = _chosen(data, one, level, counts, rng)
        best = made if made.score > best.score or len(counts) == 1 else best
    return best


def _one(data: Data, level: Level, starts: list[Model], rng: np.random.Generator) -> Candidate:
    """The likeliest model of one class."""
    fits = [rounds(data, model, level, most=FIRST, rng=rng) for model in starts]
    best = max(fits, key=lambda fit: fit.log_likelihood)
    return candidate(data, best.model, level, rng, most=MANY)


def _start(data: Data, rng: np.random.Generator, spread: float) -> Model:
    """One image, smoothed, on the mean of all; what the mean does not explain is noise as yet.

    Objects that are nearly round are mostly mean: counted as noise, it would hide what turns.
    """
    disc, size = data.disc, len(data.batches[0].weight)
    index = int(rng.integers(data.count))
    image = np.asarray(data.batches[index // size].vectors[index % size])
    mean = sum(np.asarray(b.vectors.sum(0)) for b in data.batches) / data.count
    far = 2 * np.pi * WIDE * np.sqrt((disc.frequencies**2).sum(1))
    smooth = np.tile(np.exp(-(far**2) / 2), 2)
    explained = np.asarray(ring_sums(jnp.asarray(mean**2), disc))
    noise = (data.energy / data.count - explained) / disc.ring_sizes
    noise = jnp.asarray(np.maximum(noise, QUIET * noise.max()), jnp.float32)
    return Model(
        averages=(mean + smooth * (image - mean))[None].astype(np.float32),
        kept=np.ones((1, *noise.shape), np.float32),
        cost=np.zeros(1, np.float32),
        shares=np.ones(1, np.float32),
        common=Common(noise, jnp.float32(0.01), jnp.float32(spread), jnp.float32(1.0)),
    )


def _chosen(
    data: Data, one: Candidate, level: Level, counts: range, rng: np.random.Generator
) -> Candidate:
    """The best of models with as many classes as `counts` says."""
    flat = upright(data, one.model, level) if counts[-1] > 1 else None
    best, behind = None, 0
    for k in counts:
        made = one
        if k > 1:
            made = candidate(data, split(flat, one.model, level, k, rng), level, rng, most=MANY)
        if best is None or made.score > best.score:
            best, behind = made, 0
        else:
            behind += 1
        if behind == PATIENCE:
            break
    return best


def candidate(
    data: Data, model: Model, level: Level, rng: np.random.Generator, *, most: int
) -> Candidate:
    """A model after rounds, scored between the samples: there the grid has no say."""
    fit = rounds(data, model, level, most=most, rng=rng)
    near, shift = placed(data, fit.model, level, most=3)
    cost = float(np.asarray(near.model.cost).sum())
    return Candidate(near.model, near.log_likelihood, near.log_likelihood - cost, shift)


def placed(data: Data, model: Model, level: Level, *, most: int) -> tuple[Fit, np.ndarray]:
    """Rounds between the samples, and shifts `[N, 2]` of the likeliest mode."""
    near = bank_of(level.disc)
    # All modes: else a class of the same object in another pose would seem to explain more.
    grid = peaks(modes(data, model, level), level, MODES)
    fit, poses = near_rounds(data, model, near, grid, most=most)
    found = found_of(poses, near, grid, np.zeros((data.count, 2)))
    return fit, found.shift[np.arange(data.count), found.logs.argmax(1)]
