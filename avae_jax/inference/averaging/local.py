"""Poses between the samples: Newton's steps from a mode, and averages of images so posed.

The log-posterior of one image is a smooth function of the angle u (in samples of a bank) and the
shift t. Its derivatives by t are exact, those by u are differences between three templates. Around
its maximum it is taken for a quadratic form, whose volume is the evidence of the class.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array
from avae_jax.inference.averaging.disc import Disc, as_complex, moved
from avae_jax.inference.averaging.model import Common, contrast_moments, evidence
from avae_jax.inference.averaging.rounds import Batch, Sums
from avae_jax.inference.averaging.sampling import Level

STEPS = 5
APART = 10.0  # degrees: poses closer than that are one
LOOSE = 1e-3  # the least curvature: of the angle in a sample, of the shift in a pixel


class Poses(NamedTuple):
    """Poses of a batch towards one class.

    Attributes:
      angle: samples of the bank, `[B]`.
      shift: pixels from the batch's centres, `[B, 2]`.
      logs: log of class share and likelihood ratio, poses summed over, `[B]`.
      spread: posterior covariance of angle and shift, `[B, 3, 3]`.
    """

    angle: Array
    shift: Array
    logs: Array
    spread: Array


class _Quadratic(NamedTuple):
    value: Array
    slope: Array
    bend: Array


@functools.partial(jax.jit, static_argnames="level")
def refined(
    batch: Batch,
    templates: Array,
    norms: Array,
    common: Common,
    share: Array,
    start: Poses,
    *,
    level: Level,
) -> Poses:
    """Poses from where they start on to their maximum."""
    weighted = as_complex(templates / common.noise[None, :, level.disc.rings])
    images = as_complex(batch.vectors)

    def step(state: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], _Quadratic]:
        near = jnp.rint(state[0])
        form = _form(images, batch.centres, weighted, norms, common, near, state[1], level)
        change = jnp.linalg.solve(-form.bend, form.slope[..., None])[..., 0]
        change = jnp.clip(change, -1.0, 1.0)
        return (near + change[:, 0], state[1] + change[:, 1:]), form

    state, forms = jax.lax.scan(step, (start.angle, start.shift), None, length=STEPS)
    last = jax.tree.map(lambda part: part[-1], forms)
    spread = jnp.linalg.inv(-last.bend)
    gain = 0.5 * jnp.einsum("bi,bij,bj->b", last.slope, spread, last.slope)
    volume = 1.5 * jnp.log(2 * jnp.pi) - 0.5 * jnp.linalg.slogdet(-last.bend)[1]
    logs = last.value + jnp.minimum(gain, 1.0) + volume + jnp.log(share / level.turns)
    return Poses(state[0] % level.turns, state[1], logs, spread)


@functools.partial(jax.jit, static_argnames="level")
def distinct(poses: list[Poses], *, level: Level) -> list[Poses]:
    """Poses of one class, those left out (by their logs) that came to where another one is."""
    kept: list[Poses] = []
    for one in poses:
        same = jnp.zeros(one.angle.shape, bool)
        for other in kept:
            far = jnp.abs(one.angle - other.angle) % level.turns
            near = jnp.minimum(far, level.turns - far) < level.turns * APART / 360
            same |= near & (other.logs > -jnp.inf)
        kept.append(one._replace(logs=jnp.where(same, -jnp.inf, one.logs)))
    return kept


def _form(
    images: Array,
    centres: Array,
    weighted: Array,
    norms: Array,
    common: Common,
    near: Array,
    shift: Array,
    level: Level,
) -> _Quadratic:
    """The log-posterior density around the sample `near [B]` and `shift [B, 2]`."""
    waves = jnp.asarray(level.disc.frequencies * (2 * np.pi / level.disc.side), jnp.float32)
    turns = shift @ waves.T
    back = images * jax.lax.complex(jnp.cos(turns), jnp.sin(turns))[:, None]
    rows = (near.astype(jnp.int32)[:, None] + jnp.array([[-1, 0, 1]])) % level.turns
    match = (jnp.conj(weighted[rows]) * back[:, None]).sum(2)
    product, norm = match.real.sum(-1), norms[rows]
    slopes = -match.imag @ waves
    bends = -jnp.einsum("bf,fi,fj->bij", match[:, 1].real, waves, waves)
    mean, _ = contrast_moments(product, norm, common.contrast)
    value = evidence(product, norm, common.contrast)
    stiff = common.contrast / (1 + common.contrast * norm[:, 1])
    slopes = mean[..., None] * slopes
    outer = slopes[:, 1, :, None] * slopes[:, 1, None, :]
    bend = mean[:, 1, None, None] * bends + (stiff / mean[:, 1] ** 2)[:, None, None] * outer
    held = 1 / common.spread**2
    far = centres + shift
    bend_u = value[:, 0] - 2 * value[:, 1] + value[:, 2]
    mixed = (slopes[:, 2] - slopes[:, 0]) / 2
    slope = jnp.concatenate(
        [(value[:, 2] - value[:, 0])[:, None] / 2, slopes[:, 1] - held * far], -1
    )
    bend = bend - held * jnp.eye(2)[None]
    beside = jnp.concatenate([mixed[..., None], bend], -1)
    above = jnp.concatenate([bend_u[:, None], mixed], -1)
    whole = jnp.concatenate([above[:, None], beside], 1)
    prior = -(far**2).sum(-1) * held / 2 - jnp.log(2 * jnp.pi / held)
    return _Quadratic(value[:, 1] + prior, slope, _bounded(whole))


def _bounded(bend: Array) -> Array:
    """The nearest matrix that bends down in every direction."""
    values, axes = jnp.linalg.eigh(bend)
    values = jnp.minimum(values, -LOOSE)
    return jnp.einsum("bij,bj,bkj->bik", axes, values, axes)


@functools.partial(jax.jit, static_argnames="level")
def posed(
    batch: Batch,
    poses: Poses,
    total: Array,
    templates: Array,
    norms: Array,
    common: Common,
    *,
    level: Level,
) -> Sums:
    """What a batch so posed adds to a class, each image spread as its posterior is."""
    weight = jnp.exp(poses.logs - total) * batch.weight
    back = moved(batch.vectors, -poses.shift[:, None], level.disc)
    back = back * _blur(poses.spread[:, 1:, 1:], common.spread, level.disc)[:, None]
    share = _shares(poses, level)
    near = templates[jnp.rint(poses.angle).astype(jnp.int32) % level.turns]
    product = (back * near / common.noise[None, :, level.disc.rings]).sum((1, 2))
    norm = norms[jnp.rint(poses.angle).astype(jnp.int32) % level.turns]
    mean, square = contrast_moments(product, norm, common.contrast)
    flat = back.reshape(len(total), -1)
    images = (share * (weight * mean)[:, None]).T @ flat
    total_shift = batch.centres + poses.shift
    far = (total_shift**2).sum(-1)
    far += poses.spread[:, 1, 1] + poses.spread[:, 2, 2]
    return Sums(
        images.reshape(level.turns, *batch.vectors.shape[1:]),
        share.T @ (weight * square),
        share.T @ weight,
        (weight**2).sum(),
        share.T @ (weight[:, None] * total_shift),
        (weight * (square - 2 * mean + 1)).sum(),
        (weight * far).sum() / 2,
    )


def _shares(poses: Poses, level: Level) -> Array:
    """How an image's posterior spreads over the samples of angle: a bell `[B, A]`."""
    far = jnp.arange(level.turns, dtype=jnp.float32)[None] - poses.angle[:, None]
    far = far - level.turns * jnp.rint(far / level.turns)
    wide = jnp.clip(poses.spread[:, 0, 0], 0.25, (level.turns / 12) ** 2)
    return jax.nn.softmax(-(far**2) / (2 * wide[:, None]), axis=1)


def _blur(spread: Array, most: Array, disc: Disc) -> Array:
    """What is left of each frequency `[B, P]` under the posterior spread `[B, 2, 2]` of shifts."""
    waves = jnp.asarray(disc.frequencies * (2 * np.pi / disc.side), jnp.float32)
    square = jnp.einsum("fi,bij,fj->bf", waves, spread, waves)
    square = jnp.clip(square, 0.0, (waves**2).sum(1)[None] * most**2)
    return jnp.tile(jnp.exp(-square / 2), 2)


def started(angle: np.ndarray, shift: np.ndarray, level: Level, size: int) -> list[list[Poses]]:
    """Poses `[batches][K]` from angles (radians) `[N, K]` and shifts `[N, K, 2]`."""
    count = -len(angle) % size
    angle = np.pad(angle * (level.turns / (2 * np.pi)), ((0, count), (0, 0))).astype(np.float32)
    shift = np.pad(shift, ((0, count), (0, 0), (0, 0))).astype(np.float32)
    none, wide = np.zeros(size, np.float32), np.zeros((size, 3, 3), np.float32)
    return [
        [
            Poses(angle[at : at + size, k], shift[at : at + size, k], none, wide)
            for k in range(angle.shape[1])
        ]
        for at in range(0, len(angle), size)
    ]


def bank_of(disc: Disc) -> Level:
    """The samples of angle that parabolas between them are good for."""
    return Level(disc, max(90, 12 * disc.radius), 0.0, 0.0)
