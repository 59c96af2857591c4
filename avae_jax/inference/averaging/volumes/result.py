"""What an alignment of volumes gives, in the project's convention."""

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from avae_jax.inference.ambiguity import DEGREES
from avae_jax.inference.averaging.condition import Conditioned
from avae_jax.inference.averaging.consistency import Consistency
from avae_jax.inference.averaging.result import APART, ClassAlignment
from avae_jax.inference.averaging.volumes.model import Model, cube, read
from avae_jax.inference.averaging.volumes.near import Near
from avae_jax.inference.averaging.volumes.ready import Ready


class Doubt(NamedTuple):
    """How far other poses of volumes are from being as good, each `[N]`.

    Attributes:
      gap: nats between the best pose and the best that is `APART` from it; inf without one.
      elsewhere: posterior probability of a rotation more than `DEGREES` from the best.
    """

    gap: np.ndarray
    elsewhere: np.ndarray


def doubt(near: Near) -> Doubt:
    """What the poses that were followed say of each other."""
    count = len(near.logs)
    logs, turns = near.logs.reshape(count, -1), near.poses.rotation.reshape(count, -1, 3, 3)
    rows, best = np.arange(count), logs.argmax(1)
    trace = np.einsum("nij,ncij->nc", turns[rows, best], turns)
    far = trace < 1 + 2 * np.cos(np.radians(APART))
    gap = logs[rows, best] - np.where(far, logs, -np.inf).max(1)
    spread = near.poses.spread.reshape(count, -1, 6, 6)[..., :3, :3]
    wide = np.maximum(np.trace(spread, 0, 2, 3) / 3, 1e-9)
    # Of a pose that is near, the part of its bell that is not.
    beyond = chi2.sf(np.radians(DEGREES) ** 2 / wide, 3)
    away = np.where(trace < 1 + 2 * np.cos(np.radians(DEGREES)), 1.0, beyond)
    return Doubt(gap, (near.weight.reshape(count, -1) * away).sum(1))


def result(
    ready: Ready,
    shape: tuple[int, ...],
    model: Model,
    near: Near,
    centres: np.ndarray,
    doubt: Doubt,
    stable: Consistency,
) -> ClassAlignment:
    """Poses under the likeliest class, the common centre where shifts have no mean."""
    order = np.argsort(-model.shares, kind="stable")
    posterior = near.weight.sum(2)[:, order]
    rows, best = np.arange(len(posterior)), posterior.argmax(1)
    rotation, shift, spread = (
        part[rows, order[best], 0]
        for part in (near.poses.rotation, near.poses.shift, near.poses.spread)
    )
    shift = shift + centres
    middle = np.einsum("nji,nj->ni", rotation, shift).mean(0)
    shift = shift - rotation @ middle
    side = ready.volumes.values.shape[1]
    off = np.array(ready.before) + (np.array(shape) - 1) / 2 - (side - 1) / 2
    shift = shift + rotation @ off - off
    averages = np.stack([_moved(average, middle) for average in model.averages[order]])
    cut = tuple(slice(b, b + n) for b, n in zip(ready.before, shape, strict=True))
    return ClassAlignment(
        poses=_poses(rotation, shift, max(shape) / 2),
        degrees=np.degrees(np.arccos(np.clip((np.trace(rotation, 0, 1, 2) - 1) / 2, -1, 1))),
        shift_px=shift,
        classes=best,
        class_posterior=posterior,
        averages=averages[(slice(None), *cut)][..., None] * ready.scale,
        gap_nats=doubt.gap,
        sd_deg=np.degrees(np.sqrt(np.trace(spread[:, :3, :3], 0, 1, 2))),
        shift_sd_px=np.sqrt(np.trace(spread[:, 3:, 3:], 0, 1, 2) / 3),
        elsewhere=doubt.elsewhere,
        noise=np.sqrt(np.full((1, 1), float(model.common.noise))) * ready.scale,
        spread_px=float(model.common.spread),
        contrast_sd=float(np.sqrt(model.common.contrast)),
        stable=stable,
        log_likelihood=near.log_likelihood,
        ready=_conditioned(ready, averages),
    )


def _conditioned(ready: Ready, averages: np.ndarray) -> Conditioned:
    none = np.empty((0, *averages.shape[1:], 1), np.float32)
    centre = ((averages.shape[1] - 1) / 2,) * 2
    return Conditioned(none, centre, ready.scale, 0.0, False, bool(averages.mean() < 0))


def _moved(average: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """An average `[n, n, n]` moved by a shift in voxels."""
    n = len(average)
    moved = read(average[..., None], (cube(n) - shift).astype(np.float32))
    return np.asarray(moved).reshape(n, n, n)


def _poses(rotation: np.ndarray, shift: np.ndarray, unit: float) -> np.ndarray:
    """Inverses of shift . rotation, `[N, 4, 4]`."""
    made = np.tile(np.eye(4), (len(rotation), 1, 1))
    made[:, :3, :3] = np.swapaxes(rotation, 1, 2)
    made[:, :3, 3] = -np.einsum("nji,nj->ni", rotation, shift) / unit
    return made
