"""Rounds of expectation and maximisation over every pose of a grid, in matrix products."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial.transform import Rotation

from avae_jax.core.errors import NumericalError
from avae_jax.core.even_map import even_map
from avae_jax.core.types import Array
from avae_jax.inference.averaging.model import contrast_moments, evidence, log_prior_of_shifts
from avae_jax.inference.averaging.volumes.level import Blocks, Level, Volumes, pooled
from avae_jax.inference.averaging.volumes.model import Common, Model, finished, read, spread_out

TOGETHER = 2**24  # poses of volumes scored at once
LEAST_CONTRAST, LEAST_SPREAD = 1e-4, 0.3
APART = 25.0  # degrees between candidates


class Held(NamedTuple):
    """Volumes in batches of one size, one half of them in the even batches.

    Attributes:
      batches: blocks and 1, or 0 for what only fills a batch, `[B]`.
      places: the volume of each row, `[batches * B]`; -1 for the filling.
      energy: of all volumes where they are, over the share that was observed.
      count: blocks observed at least in part.
    """

    batches: tuple[tuple[Blocks, np.ndarray], ...]
    places: np.ndarray
    energy: float
    count: int


class Sums(NamedTuple):
    """What volumes add up to: at each rotation `[R, P]`, and sums of the parameters."""

    sums: Array
    seen: Array
    likely: Array
    explained: Array
    contrast: Array
    squared: Array
    shift: Array


def held(volumes: Volumes, level: Level) -> Held:
    """Volumes as the level shows them."""
    number = len(volumes.values)
    size = max(1, min(TOGETHER // (level.turns * len(level.shifts)), -(-number // 2)))
    blocks = pooled(volumes, level)
    batches, places = [], []
    halves = [np.arange(number)[half::2] for half in (0, 1)]
    for start in range(0, len(halves[0]), size):
        for half in halves:
            rows = half[start : start + size]
            room = size - len(rows)
            padded = np.pad(rows, (0, room))
            batches.append(
                (
                    Blocks(*(part[padded] for part in blocks)),
                    (np.arange(size) < len(rows)).astype(np.float32),
                )
            )
            places.append(np.pad(rows, (0, room), constant_values=-1))
    still = int(np.flatnonzero((level.shifts == 0).all(1))[0])
    sums, weights = blocks.sums[:, still], blocks.weights[:, still]
    energy = float((sums.astype(np.float64) ** 2 / np.maximum(weights, 1e-6)).sum())
    return Held(tuple(batches), np.concatenate(places), energy, int((weights > 0).sum()))


@functools.partial(jax.jit, static_argnames="level")
def templates(average: Array, rotations: Array, *, level: Level) -> Array:
    """An average `[n, n, n]` rotated, as blocks `[R, P]`."""
    points = jnp.asarray(level.points)
    return even_map(
        lambda rotation: read(average[..., None], points @ rotation)[:, 0], rotations, most=16
    )


def _scores(blocks: Blocks, made: Array, common: Common, level: Level) -> tuple[Array, ...]:
    """Products and norms `[B, S, R]` over the noise, and logs of prior and likelihood ratio."""
    batch, shifts, size = blocks.sums.shape
    product = (blocks.sums.reshape(-1, size) @ made.T).reshape(batch, shifts, -1) / common.noise
    norm = (blocks.weights.reshape(-1, size) @ (made**2).T).reshape(product.shape) / common.noise
    prior = log_prior_of_shifts(jnp.asarray(level.shifts), blocks.centres, common.spread)
    likely = evidence(product, norm, common.contrast) + prior[:, :, None]
    return product, norm, likely - float(np.log(made.shape[0]))


@functools.partial(jax.jit, static_argnames="level")
def gathered(blocks: Blocks, real: Array, made: Array, common: Common, *, level: Level) -> Sums:
    """What a batch adds to the one average whose templates are `made [R, P]`."""
    product, norm, logs = _scores(blocks, made, common, level)
    total = jax.nn.logsumexp(logs, axis=(1, 2))
    weight = jnp.exp(logs - total[:, None, None]) * real[:, None, None]
    mean, square = contrast_moments(product, norm, common.contrast)
    size = blocks.sums.shape[-1]
    held, seen = weight * mean, weight * square
    turns = made.shape[0]
    far = ((blocks.centres[:, None] + jnp.asarray(level.shifts)[None]) ** 2).sum(-1)
    return Sums(
        held.reshape(-1, turns).T @ blocks.sums.reshape(-1, size),
        seen.reshape(-1, turns).T @ blocks.weights.reshape(-1, size),
        (total * real).sum(),
        common.noise * (2 * held * product - seen * norm).sum(),
        held.sum(),
        seen.sum(),
        (weight.sum(2) * far).sum() / 3,
    )


@functools.partial(jax.jit, static_argnames="level")
def turned_back(sums: Array, seen: Array, rotations: Array, *, level: Level) -> Array:
    """Sums `[R, P]` turned back and added up on the voxels of the cube, `[2, n, n, n]`."""
    n, points = level.side, jnp.asarray(level.points)

    def add(total: Array, one: tuple[Array, Array, Array]) -> tuple[Array, None]:
        values, weights, rotation = one
        both = jnp.stack([values, weights], -1)
        return total + spread_out(both, points @ rotation, n), None

    total, _ = jax.lax.scan(add, jnp.zeros((n**3, 2)), (sums, seen, rotations))
    return total.T.reshape(2, n, n, n)


def rounds(
    data: Held, model: Model, level: Level, *, number: int, rng: np.random.Generator
) -> Model:
    """The one average of a model after some rounds; many blur what the grid is too coarse for.

    Raises:
      NumericalError: a likelihood that is not finite.
    """
    for _ in range(number):
        model, likely = one_round(data, model, level, rng)
        if not np.isfinite(likely):
            raise NumericalError(f"averaging volumes: the log-likelihood became {likely}")
    return model


def one_round(
    data: Held, model: Model, level: Level, rng: np.random.Generator
) -> tuple[Model, float]:
    """The model after one round on rotations all turned at random, and the likelihood before."""
    jitter = Rotation.random(random_state=rng).as_matrix().astype(np.float32)
    rotations = level.rotations @ jitter
    made = templates(jnp.asarray(model.averages[0]), rotations, level=level)
    halves: list[Sums | None] = [None, None]
    for index, (blocks, real) in enumerate(data.batches):
        found = gathered(blocks, real, made, model.common, level=level)
        old = halves[index % 2]
        halves[index % 2] = found if old is None else jax.tree.map(jnp.add, old, found)
    back = [np.asarray(turned_back(h.sums, h.seen, rotations, level=level)) for h in halves]
    likely, explained, contrast, squared, shift = (
        sum(float(getattr(half, name)) for half in halves)
        for name in ("likely", "explained", "contrast", "squared", "shift")
    )
    number = (data.places >= 0).sum()
    mean = contrast / number
    average, shrunk = finished(
        np.stack([b[0] for b in back]), np.stack([b[1] for b in back]), level.factor
    )
    noise = max(data.energy - explained, 1e-6 * data.energy) / data.count
    common = Common(
        jnp.float32(noise),
        jnp.float32(np.clip(squared / number / mean**2 - 1, LEAST_CONTRAST, 1)),
        jnp.float32(max(np.sqrt(shift / number), LEAST_SPREAD, level.step / 2)),
    )
    likely += none(data, float(model.common.noise))
    return Model(mean * average[None], shrunk[None], np.ones(1, np.float32), common), likely


def none(data: Held, noise: float) -> float:
    """Log-likelihood of the volumes without any object."""
    return -0.5 * (data.energy / noise + data.count * np.log(2 * np.pi * noise))


def candidates(
    data: Held, average: np.ndarray, common: Common, level: Level, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """The best rotations `[N, C, 3, 3]`, `APART` from each other, and shifts `[N, C, 3]`."""
    rotations = jnp.asarray(level.rotations)
    made = templates(jnp.asarray(average), rotations, level=level)
    parts = [
        _candidates(blocks, made, common, rotations, number, level=level)
        for blocks, _ in data.batches
    ]
    turn, shift = (np.concatenate([np.asarray(part[i]) for part in parts]) for i in (0, 1))
    order = np.argsort(data.places, kind="stable")[(data.places < 0).sum() :]
    return level.rotations[turn[order]], level.shifts[shift[order]]


@functools.partial(jax.jit, static_argnames=("level", "number"))
def _candidates(
    blocks: Blocks, made: Array, common: Common, rotations: Array, number: int, *, level: Level
) -> tuple[Array, Array]:
    _, _, logs = _scores(blocks, made, common, level)
    best = logs.max(1)
    flat = rotations.reshape(-1, 9)

    def take(left: Array, _: None) -> tuple[Array, Array]:
        top = left.argmax(1)
        near = flat[top] @ flat.T > 1 + 2 * float(np.cos(np.radians(APART)))
        return jnp.where(near, -jnp.inf, left), top

    _, tops = jax.lax.scan(take, best, None, length=number)
    tops = tops.T
    shift = jnp.take_along_axis(logs, tops[:, None], 2).argmax(1)
    return tops, shift
