"""How many averages volumes have: as many as what the one average leaves falls into.

Volumes are set upright under the one average, and the average is taken off. Principal components
of the rest that exceed those of shuffled rows are no noise; in them, volumes are clustered.
"""

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array
from avae_jax.inference.averaging.volumes.level import Level, Volumes, pooled
from avae_jax.inference.averaging.volumes.local import Poses
from avae_jax.inference.averaging.volumes.model import Model, cube, read
from avae_jax.inference.averaging.volumes.near import Fine, Near, maximised, near_round

KEPT = 8  # principal components, at most
SHUFFLES, CLEARLY = 3, 1.02  # of the rows; how far a variance must exceed theirs
TRIES = 5  # of each clustering
LEAST_SHARE = 0.05  # of volumes: smaller clusters are volumes in a wrong pose
ROUNDS, STEPS = 3, 2  # with the classes found, from the poses under the one


def split(data: Fine, model: Model, near: Near, counts: range, rng: np.random.Generator) -> Model:
    """A model of as many classes of `counts` as pay by BIC, from one class and its poses."""
    if counts[-1] == 1:
        return model
    flat = residuals(data.volumes, model, near, data.level.factor)
    scores = components(flat, counts[0] - 1, rng)
    least = LEAST_SHARE if len(counts) > 1 else 0.0
    labels = clusters(scores, counts, rng, least=least)
    return model if labels.max() == 0 else _grown(data, model, near, labels)


def components(flat: np.ndarray, least: int, rng: np.random.Generator) -> np.ndarray:
    """Principal components `[N, d]` of rows `[N, P]`: those beyond chance, `least` at least."""
    white = flat - flat.mean(0)
    values, axes = np.linalg.eigh(white @ white.T)
    shuffled = [rng.permuted(white, axis=0) for _ in range(SHUFFLES)]
    chance = max(float(np.linalg.eigvalsh(rows @ rows.T)[-1]) for rows in shuffled)
    beyond = int((values > CLEARLY * chance).sum())
    number = min(max(beyond, least), KEPT, len(flat) - 1)
    first = len(flat) - number
    return axes[:, first:] * np.sqrt(np.maximum(values[first:], 0))


def clusters(
    scores: np.ndarray, counts: range, rng: np.random.Generator, *, least: float
) -> np.ndarray:
    """Labels `[N]` of a mixture of Gaussians of one shape, their number chosen by BIC.

    Args:
      scores: `[N, d]`; one cluster where d is 0.
      least: share of rows in a cluster, at least.
    """
    # Imported on first use: it is slow.
    from sklearn.mixture import GaussianMixture

    best, kept = np.inf, np.zeros(len(scores), int)
    for k in counts if scores.size else ():
        mixture = GaussianMixture(
            k, covariance_type="tied", n_init=TRIES, random_state=int(rng.integers(2**31))
        )
        labels = mixture.fit_predict(scores)
        members = np.bincount(labels, minlength=k)
        small = members.min() < least * len(scores)
        score = mixture.bic(scores)
        if score < best and not small:
            best, kept = score, labels
    return kept


def _grown(data: Fine, model: Model, near: Near, labels: np.ndarray) -> Model:
    """A model of classes after some rounds that begin with `labels`."""
    k = int(labels.max()) + 1
    weight = np.eye(k)[labels][:, :, None]
    poses = Poses(*(np.repeat(part[:, :1, :1], k, 1) for part in near.poses))
    near = Near(poses, np.log(np.maximum(weight, 1e-30)), weight, near.log_likelihood)
    model = maximised(data, model, near)
    for _ in range(ROUNDS):
        model, near = near_round(data, model, near.poses.rotation, near.poses.shift, steps=STEPS)
    return model


def residuals(volumes: Volumes, model: Model, near: Near, factor: int) -> np.ndarray:
    """What the one average leaves of volumes set upright, in blocks `[N, P]`."""
    rows = np.arange(len(volumes.values))
    rotation, shift = near.poses.rotation[rows, 0, 0], near.poses.shift[rows, 0, 0]
    values, seen = map(np.asarray, _upright(volumes.values, volumes.observed, rotation, shift))
    left = Volumes(values - seen * model.averages[0], seen, volumes.centres)
    return pooled(left, Level(values.shape[1], factor)).sums[:, 0]


@jax.jit
def _upright(values: Array, observed: Array, rotation: Array, shift: Array) -> Array:
    n = values.shape[1]
    points = cube(n)

    def one(item: tuple[Array, ...]) -> Array:
        value, seen, rotation, shift = item
        return read(jnp.stack([value, seen], -1), points @ rotation.T + shift[None])

    made = jax.lax.map(one, (values, observed, rotation, shift))
    return jnp.moveaxis(made, -1, 0).reshape(2, -1, n, n, n)
