"""Rounds between the samples: poses of every volume towards every class, and their averages."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from scipy.special import logsumexp

from avae_jax.inference.averaging.model import contrast_moments
from avae_jax.inference.averaging.volumes.coarse import LEAST_CONTRAST, LEAST_SPREAD
from avae_jax.inference.averaging.volumes.level import Blocks, Level, Volumes, pooled
from avae_jax.inference.averaging.volumes.local import STEPS, Poses, averaged, refined
from avae_jax.inference.averaging.volumes.model import Common, Model, blurred, finished

SAME = 15.0  # degrees within which two poses are one
SLIGHT = 1e-2  # of a volume: poses of less weight are left out of averages
QUIET = 1e-6  # the least variance of noise, as a share of the volumes' own


@dataclasses.dataclass(frozen=True)
class Fine:
    """Volumes, and what the blocks of a level show of them.

    Attributes:
      energy: of the blocks over the share that was observed, all volumes together.
      count: blocks observed at least in part.
    """

    volumes: Volumes
    level: Level
    blocks: Blocks
    energy: float
    count: int


@dataclasses.dataclass(frozen=True)
class Near:
    """Poses `[N, K, C]` towards K classes, the likeliest first.

    Attributes:
      poses: with an axis for the class.
      logs: of class share and likelihood ratio, `[N, K, C]`; -inf of a pose met twice.
      weight: posterior probabilities, likewise.
      log_likelihood: of all volumes, in nats.
    """

    poses: Poses
    logs: np.ndarray
    weight: np.ndarray
    log_likelihood: float


def fine(volumes: Volumes, factor: int) -> Fine:
    """Volumes as blocks of `factor` voxels show them."""
    level = Level(volumes.values.shape[1], factor)
    blocks = pooled(volumes, level)
    weights = blocks.weights
    energy = (blocks.sums.astype(np.float64) ** 2 / np.maximum(weights, 1e-6)).sum()
    return Fine(volumes, level, blocks, float(energy), int((weights > 0).sum()))


def posed(
    data: Fine, model: Model, rotation: np.ndarray, shift: np.ndarray, *, steps: int = STEPS
) -> Near:
    """Poses from starts `[N, K, C, 3, 3]` and `[N, K, C, 3]` on."""
    blocks, found = data.blocks, []
    for k, average in enumerate(model.averages):
        drawn = jnp.asarray(blurred(average, data.level.factor))
        starts = jnp.asarray(rotation[:, k]), jnp.asarray(shift[:, k], jnp.float32)
        volumes = blocks.sums[:, 0], blocks.weights[:, 0], blocks.centres
        made = refined(*volumes, drawn, model.common, *starts, level=data.level, steps=steps)
        found.append(_sorted(Poses(*map(np.asarray, made))))
    poses = Poses(*(np.stack(part, 1) for part in zip(*found, strict=True)))
    logs = np.where(_met(poses), -np.inf, poses.logs) + np.log(model.shares)[:, None]
    total = logsumexp(logs, axis=(1, 2))
    noise = float(model.common.noise)
    plain = -0.5 * (data.energy / noise + data.count * np.log(2 * np.pi * noise))
    weight = np.exp(logs - total[:, None, None])
    return Near(poses, logs, weight, float(plain + total.sum()))


def _sorted(poses: Poses) -> Poses:
    """Candidates `[N, C]`, the likeliest first."""
    order = np.argsort(-poses.logs, axis=1, kind="stable")
    return Poses(*(part[np.arange(len(order))[:, None], order] for part in poses))


def _met(poses: Poses) -> np.ndarray:
    """Whether a likelier candidate is the same pose, `[N, K, C]`."""
    trace = np.einsum("nkcij,nkdij->nkcd", poses.rotation, poses.rotation)
    near = trace > 1 + 2 * np.cos(np.radians(SAME))
    return np.tril(near, -1).any(-1)


def maximised(data: Fine, model: Model, near: Near) -> Model:
    """The model that suits volumes so posed; averages of single voxels."""
    poses, weight, number = near.poses, near.weight, len(near.weight)
    mean, square = map(
        np.asarray, contrast_moments(poses.product, poses.norm, model.common.contrast)
    )
    held, seen = weight * mean, weight * square
    explained = float(model.common.noise) * (2 * held * poses.product - seen * poses.norm).sum()
    noise = max(data.energy - explained, QUIET * data.energy) / data.count
    scale = held.sum() / number
    far = poses.shift + data.volumes.centres[:, None, None]
    shift = np.sqrt((weight * (far**2).sum(-1)).sum() / (3 * number))
    made = [_average(data, near, k, held, seen) for k in range(weight.shape[1])]
    members = weight.sum((0, 2))
    return Model(
        np.stack([scale * average for average, _ in made]),
        np.stack([shrunk for _, shrunk in made]),
        ((members + 1) / (members + 1).sum()).astype(np.float32),
        Common(
            jnp.float32(noise),
            jnp.float32(np.clip(seen.sum() / number / scale**2 - 1, LEAST_CONTRAST, 1)),
            jnp.float32(max(shift, LEAST_SPREAD)),
        ),
    )


def _average(
    data: Fine, near: Near, k: int, held: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    volumes, weight = data.volumes, near.weight[:, k]
    # Halves of each class: its members in turn.
    half = np.cumsum(weight.sum(1) > 0.5) % 2
    which, pose = np.nonzero(weight > SLIGHT)
    # Filled up, so that few programs are compiled.
    room = -len(which) % len(weight) if len(which) else len(weight)
    at = np.pad(which, (0, room)), np.pad(pose, (0, room))
    real = np.arange(len(at[0])) < len(which)
    made = averaged(
        volumes.values,
        volumes.observed,
        at[0],
        near.poses.rotation[:, k][at],
        near.poses.shift[:, k][at],
        (held[:, k][at] * real).astype(np.float32),
        (seen[:, k][at] * real).astype(np.float32),
        half[at[0]],
    )
    sums, coverage = np.asarray(made)
    return finished(sums, coverage, 1)


def near_round(
    data: Fine, model: Model, rotation: np.ndarray, shift: np.ndarray, *, steps: int = STEPS
) -> tuple[Model, Near]:
    """Poses under a model, and the model that suits them."""
    near = posed(data, model, rotation, shift, steps=steps)
    return maximised(data, model, near), near


def at(model: Model, old: int, new: int) -> Model:
    """A model of blocks of `old` voxels for blocks of `new`: white noise averages out."""
    noise = jnp.float32(model.common.noise * (old / new) ** 3)
    return model._replace(common=model.common._replace(noise=noise))
