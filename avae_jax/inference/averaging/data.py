"""The images of a stack as vectors, in batches of one size."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.inference.averaging.disc import Disc, lower, moved, ring_sums, to_disc
from avae_jax.inference.averaging.rounds import Batch


@dataclasses.dataclass(frozen=True)
class Data:
    """Batches that hold a stack.

    Attributes:
      disc: the frequencies held.
      batches: all of one size; the last may be filled up.
      count: images, without the filling.
      energy: of the images in each ring, summed over images, `[C, rings]`.
    """

    disc: Disc
    batches: tuple[Batch, ...]
    count: int
    energy: np.ndarray


def held(images: np.ndarray, disc: Disc, *, size: int, centre: tuple[float, float]) -> Data:
    """Images `[N, H, W, C]` (square, or filled up to it) as vectors."""
    change = jax.jit(lambda part: to_disc(part, disc, centre=centre))
    batches = []
    for start in range(0, len(images), size):
        part = np.moveaxis(images[start : start + size], -1, 1)
        room = size - len(part)
        filled = np.pad(part, ((0, room), (0, 0), (0, 0), (0, 0)))
        weight = (np.arange(size) < len(part)).astype(np.float32)
        batches.append(Batch(change(filled), jnp.zeros((size, 2)), jnp.asarray(weight)))
    return _data(batches, disc, len(images))


def _data(batches: list[Batch], disc: Disc, count: int) -> Data:
    energy = sum(np.asarray(_energy(b.vectors, disc), np.float64) for b in batches)
    return Data(disc, tuple(batches), count, energy)


def _energy(vectors: jax.Array, disc: Disc) -> jax.Array:
    return ring_sums((vectors**2).sum(0), disc)


def lowered(data: Data, small: Disc) -> Data:
    """The same images within a smaller disc."""
    if small == data.disc:
        return data
    cut = [b._replace(vectors=lower(b.vectors, data.disc, small)) for b in data.batches]
    return _data(cut, small, data.count)


def part(data: Data, most: int) -> Data:
    """The first batches, `most` images at the most, at least one batch."""
    size = len(data.batches[0].weight)
    kept = max(1, min(len(data.batches), most // size))
    return _data(list(data.batches[:kept]), data.disc, min(data.count, kept * size))


def recentred(data: Data, shifts: np.ndarray) -> Data:
    """Images moved back by `[N, 2]` pixels more."""
    size = len(data.batches[0].weight)
    shifts = np.pad(
        shifts.astype(np.float32), ((0, size * len(data.batches) - len(shifts)), (0, 0))
    )
    made = []
    for index, batch in enumerate(data.batches):
        mine = shifts[index * size : (index + 1) * size]
        vectors = _moved(batch.vectors, -mine[:, None], data.disc)
        made.append(Batch(vectors, batch.centres + mine, batch.weight))
    return dataclasses.replace(data, batches=tuple(made))


_moved = jax.jit(moved, static_argnames="disc")
