"""Latent codes for the report: a map, nearest neighbours, objects decoded along straight lines."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import report
from avae_jax.core.types import Array, Params
from avae_jax.evaluation.task import Task
from avae_jax.evaluation.trial_poses import thumbnail
from avae_jax.inference.trained import Trained
from avae_jax.models.objective import AVAE, render
from avae_jax.transform.warp import warp

NEIGHBOURS = 6
# By dimension, as volumes take time to render: principal axes, stops along each; examples whose
# pairs are joined, stops between two.
AXES, STOPS = {2: 4, 3: 2}, {2: 9, 3: 7}
ENDS, BETWEEN = {2: 8, 3: 3}, {2: 7, 3: 5}
REACH = 2.5  # standard deviations either way


def axes_of(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Principal axes `[k, Z]` of codes `[m, Z]`, widest first, and their singular values `[k]`."""
    centred = np.nan_to_num(codes - codes.mean(axis=0))
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    # The sign of an axis is arbitrary: its largest entry is made positive.
    return axes * np.sign(np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], 1)), sizes


def principal(codes: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    """Codes `[m, Z]` along their two principal axes `[m, 2]`, and the shares of their variance."""
    axes, sizes = axes_of(codes)
    wanted = np.zeros((2, codes.shape[1]))
    wanted[: len(axes[:2])] = axes[:2]
    shares = np.zeros(2)
    shares[: len(sizes[:2])] = _shares(sizes)[:2]
    place = np.nan_to_num(codes - codes.mean(axis=0)) @ wanted.T
    return place, (float(shares[0]), float(shares[1]))


def _shares(sizes: np.ndarray) -> np.ndarray:
    return sizes**2 / max((sizes**2).sum(), 1e-12)


def neighbours(codes: np.ndarray) -> np.ndarray:
    """The `NEIGHBOURS` nearest other examples of each, nearest first, `[m, n]`."""
    known = np.nan_to_num(codes)
    squares = (known**2).sum(axis=1)
    distance = squares[:, None] + squares[None] - 2 * known @ known.T
    np.fill_diagonal(distance, np.inf)
    return np.argsort(distance, axis=1, kind="stable")[:, : min(NEIGHBOURS, len(codes) - 1)]


def walks(
    task: Task,
    trained: Trained,
    codes: np.ndarray,
    labels: np.ndarray | None,
    upright: np.ndarray,
) -> report.Walks:
    """Objects along the widest axes through the mean code, and between examples.

    Args:
      codes: `[m, Z]`, of the examples of the map.
      upright: `[d + 1, d + 1]`, rotation of canonical objects for display.
    """
    d = task.avae.group.d
    axes, sizes = axes_of(codes)
    axes, sizes = axes[: AXES[d]], sizes[: AXES[d]]
    stops = np.linspace(-REACH, REACH, STOPS[d])
    spread = sizes / max(len(codes), 1) ** 0.5
    along = codes.mean(axis=0) + (stops[:, None] * spread[:, None, None]) * axes[:, None]
    chosen = representatives(labels, len(codes), ENDS[d])
    pairs = np.array(list(itertools.combinations(chosen, 2)), int).reshape(-1, 2)
    part = np.linspace(0, 1, BETWEEN[d])[:, None]
    first, second = (codes[pairs[:, side], None] for side in (0, 1))
    between = (1 - part) * first + part * second
    shown = decode(
        trained.params,
        jnp.asarray(
            np.concatenate([rows.reshape(-1, codes.shape[1]) for rows in (along, between)])
        ),
        upright,
        avae=task.avae,
    )
    shown = np.asarray(shown)
    count = len(along) * len(stops)
    return report.Walks(
        stops=stops,
        axes=shown[:count].reshape(*along.shape[:2], *shown.shape[1:]),
        shares=tuple(map(float, _shares(axes_of(codes)[1])[: len(axes)])),
        pairs=pairs,
        between=shown[count:].reshape(*between.shape[:2], *shown.shape[1:]),
    )


def representatives(labels: np.ndarray | None, count: int, most: int) -> list[int]:
    """The first example of each label, or the first examples, at most `most`."""
    if labels is None:
        return list(range(min(count, most)))
    return sorted(int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)[:most])


def decode(params: Params, codes: Array, upright: np.ndarray, *, avae: AVAE) -> Array:
    """Small pictures `[n, *s, C]` of the objects of `codes: [n, Z]`."""

    def one(code: Array) -> Array:
        drawn = render(params, code, avae=avae)
        return thumbnail(warp(drawn, upright, avae.fill, source=avae.inner, target=avae.inner))

    return jax.jit(jax.vmap(one))(codes)
