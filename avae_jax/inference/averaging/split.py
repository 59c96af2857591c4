"""From one average to several: images set upright by it, sorted by what they have in common."""

import numpy as np
from scipy.cluster.vq import kmeans2

from avae_jax.inference.averaging.data import Data
from avae_jax.inference.averaging.model import Model
from avae_jax.inference.averaging.modes import modes, uprights
from avae_jax.inference.averaging.sampling import Level

KEPT = 10  # principal components
TRIES = 10  # of k-means


def split(flat: np.ndarray, model: Model, level: Level, k: int, rng: np.random.Generator) -> Model:
    """A beginning with `k` classes from upright images `[N, C, P]` and the model of one."""
    scores = _components(flat, np.asarray(model.common.noise), level)
    return _begun(model, flat, _clusters(scores, k, rng), k)


def upright(data: Data, model: Model, level: Level) -> np.ndarray:
    """Images `[N, C, P]` moved back and turned back by their likeliest poses."""
    found = modes(data, model, level)
    rows, best = np.arange(data.count), found.logs.argmax(1)
    return uprights(data, found.angle[rows, best], found.shift[rows, best])


def _components(flat: np.ndarray, noise: np.ndarray, level: Level) -> np.ndarray:
    """The first principal components `[N, KEPT]` of images `[N, C, P]` over their noise."""
    white = (flat / np.sqrt(noise[:, level.disc.rings])).reshape(len(flat), -1)
    white = white - white.mean(0)
    _, axes = np.linalg.eigh(white.T @ white)
    return white @ axes[:, -KEPT:]


def _clusters(scores: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """Labels `[N]` of the tightest of a few clusterings."""
    best, kept = np.inf, np.zeros(len(scores), int)
    for _ in range(TRIES):
        centres, labels = kmeans2(scores, k, minit="++", seed=rng, missing="warn")
        loose = ((scores - centres[labels]) ** 2).sum()
        if loose < best and len(np.unique(labels)) == k:
            best, kept = loose, labels
    return kept


def _begun(model: Model, flat: np.ndarray, labels: np.ndarray, k: int) -> Model:
    members = np.bincount(labels, minlength=k)
    means = np.stack([flat[labels == c].mean(0) if members[c] else flat.mean(0) for c in range(k)])
    return model._replace(
        averages=means.astype(np.float32),
        kept=np.repeat(np.asarray(model.kept[:1]), k, 0),
        cost=np.repeat(np.asarray(model.cost[:1]), k, 0),
        shares=((members + 1) / (members + 1).sum()).astype(np.float32),
    )
