"""Expectation-maximisation: rounds until the likelihood settles."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.errors import NumericalError
from avae_jax.core.types import Array
from avae_jax.inference.averaging.data import Data
from avae_jax.inference.averaging.disc import each_moved
from avae_jax.inference.averaging.local import Poses, distinct, posed, refined, started
from avae_jax.inference.averaging.model import Common, Model
from avae_jax.inference.averaging.modes import Modes
from avae_jax.inference.averaging.rounds import (
    Batch,
    Sums,
    averaged,
    bank,
    gathered,
    log_class,
    products,
    unexplained,
)
from avae_jax.inference.averaging.sampling import Level
from avae_jax.inference.averaging.shrink import Shrunk, shrunk

LEAST_SPREAD = 0.05  # pixels
NARROW = 0.5  # of the samples' step: a spread below would leave one sample, and never widen again
QUIET = 1e-6  # the least variance of noise, as a share of the images' own
SETTLED = 2e-3  # nats an image: a smaller gain of a round ends them
NEAR_SETTLED = 0.03  # the same between the samples, where more rounds fit the noise
LEAST = 3  # rounds before that is asked


@dataclasses.dataclass(frozen=True)
class Fit:
    """A model and how likely it makes the images, in nats, at the start of the last round."""

    model: Model
    log_likelihood: float


def rounds(data: Data, model: Model, level: Level, *, most: int, rng: np.random.Generator) -> Fit:
    """Rounds of expectation and maximisation, each at angles turned a little at random."""
    best = -np.inf
    for index in range(most):
        jitter = jnp.float32(rng.uniform(0, 2 * np.pi / level.turns))
        model, likely = one_round(data, model, level, jitter)
        _require_finite(likely)
        if index >= LEAST and likely - best < SETTLED * data.count:
            break
        best = max(best, likely)
    return Fit(model, likely)


def near_rounds(
    data: Data, model: Model, level: Level, poses: Modes, *, most: int
) -> tuple[Fit, list[list[Poses]]]:
    """Rounds between the samples from poses `[N, K]` on; the poses are those under the model.

    The last round only finds poses.
    """
    found = started(poses.angle, poses.shift, level, len(data.batches[0].weight))
    best = -np.inf
    for index in range(most):
        made, likely, found = near_round(data, model, level, found)
        _require_finite(likely)
        if index + 1 == most or likely - best < NEAR_SETTLED * data.count:
            break
        model, best = made, likely
    return Fit(model, likely), found


def _require_finite(likely: float) -> None:
    if not np.isfinite(likely):
        raise NumericalError(f"averaging: the log-likelihood became {likely}")


def one_round(data: Data, model: Model, level: Level, jitter: Array) -> tuple[Model, float]:
    """The model after one round over every sample, and the log-likelihood before it."""
    banks = [bank(m, model.common.noise, jitter, level=level) for m in model.averages]
    likely, sums = 0.0, None
    for batch in data.batches:
        found = [products(batch, t, model.common.noise, level=level) for t, _ in banks]
        logs = [
            log_class(p, norms, batch, model.common, share, level=level)
            for p, (_, norms), share in zip(found, banks, model.shares, strict=True)
        ]
        total = _together(logs)
        added = [
            gathered(p, norms, batch, model.common, share, total, level=level)
            for p, (_, norms), share in zip(found, banks, model.shares, strict=True)
        ]
        likely += float(_weighed(total, batch.weight))
        sums = _plus(sums, added)
    likely += none(data, np.asarray(model.common.noise, np.float64))
    return maximised(data, model, level, banks, sums, jitter), likely


def near_round(
    data: Data, model: Model, level: Level, poses: list[list[Poses]]
) -> tuple[Model, float, list[list[Poses]]]:
    """One round between the samples, on from the poses `[batches][K]` of the last."""
    banks = [bank(m, model.common.noise, jnp.float32(0), level=level) for m in model.averages]
    likely, sums, found = 0.0, None, []
    for batch, begun in zip(data.batches, poses, strict=True):
        each = len(begun) // len(banks)
        near = []
        for k, ((t, norms), share) in enumerate(zip(banks, model.shares, strict=True)):
            near += distinct(
                [
                    refined(batch, t, norms, model.common, share, start, level=level)
                    for start in begun[k * each : (k + 1) * each]
                ],
                level=level,
            )
        total = _together([p.logs for p in near])
        added = [
            _of_modes(batch, near[k * each : (k + 1) * each], total, t, norms, model.common, level)
            for k, (t, norms) in enumerate(banks)
        ]
        likely += float(_weighed(total, batch.weight))
        sums = _plus(sums, added)
        found.append(near)
    likely += none(data, np.asarray(model.common.noise, np.float64))
    return maximised(data, model, level, banks, sums, jnp.float32(0)), likely, found


def _of_modes(
    batch: Batch,
    poses: list[Poses],
    total: Array,
    templates: Array,
    norms: Array,
    common: Common,
    level: Level,
) -> Sums:
    """What a batch adds to a class by all its modes."""
    parts = [posed(batch, p, total, templates, norms, common, level=level) for p in poses]
    together = functools.reduce(_add, parts)
    if len(poses) == 1:
        return together
    whole = _together([p.logs for p in poses])
    return together._replace(sure=_squares(whole, total, batch.weight))


def _together(logs: list[Array]) -> Array:
    """Log of the sum of likelihood ratios `[K][B]` over classes."""
    total = logs[0]
    for more in logs[1:]:
        total = _or(total, more)
    return total


_or = jax.jit(jnp.logaddexp)
_weighed = jax.jit(jnp.dot)
_squares = jax.jit(lambda logs, total, weight: ((jnp.exp(logs - total) * weight) ** 2).sum())
_add = jax.jit(functools.partial(jax.tree.map, jnp.add))


def _plus(sums: list[Sums] | None, added: list[Sums]) -> list[Sums]:
    if sums is None:
        return added
    return [_add(*pair) for pair in zip(sums, added, strict=True)]


def none(data: Data, noise: np.ndarray) -> float:
    """Log-likelihood of the images without any object."""
    constant = (data.disc.ring_sizes * np.log(2 * np.pi * noise)).sum()
    return -0.5 * float((data.energy / noise).sum() + data.count * constant)


def maximised(
    data: Data, model: Model, level: Level, banks: list, sums: list[Sums], jitter: Array
) -> Model:
    """The model that suits what the images add up to."""
    made, drift = _shrunk(sums, model.common, level, jitter)
    left = data.energy + sum(
        np.asarray(unexplained(s, t, level=level), np.float64)
        for s, (t, _) in zip(sums, banks, strict=True)
    )
    plain = data.energy / (data.count * data.disc.ring_sizes)
    noise = np.maximum(left / (data.count * data.disc.ring_sizes), QUIET * plain.max())
    members = np.array([float(s.members.sum()) for s in sums])
    contrast = sum(float(s.contrast) for s in sums) / data.count
    moved_by = float((members * (drift**2).sum(1)).sum())
    spread = np.sqrt(max(0.0, sum(float(s.shift) for s in sums) - moved_by / 2) / data.count)
    return model._replace(
        averages=made.averages,
        kept=made.kept,
        cost=made.cost,
        shares=((members + 1) / (members + 1).sum()).astype(np.float32),
        common=model.common._replace(
            noise=jnp.asarray(noise, jnp.float32),
            contrast=jnp.float32(np.clip(contrast, 1e-4, 1.0)),
            spread=jnp.float32(max(spread, LEAST_SPREAD, NARROW * level.step)),
        ),
    )


def _shrunk(
    sums: list[Sums], common: Common, level: Level, jitter: Array
) -> tuple[Shrunk, np.ndarray]:
    """Averages shrunk, each where its shifts have no mean, and what they were moved by `[K, 2]`.

    That place is as likely as any other, but for the prior of shifts.
    """
    found = [averaged(s, jitter, common, level=level) for s in sums]
    plain, seen, drift = (np.stack(part) for part in zip(*found, strict=True))
    # Noise within the mask alone is left of an image's.
    noise = np.asarray(common.noise) * min(np.pi / 4 * float(common.reach) ** 2, 1.0)
    made = shrunk(plain, seen, noise, jitter, level=level, sure=_sure(sums))
    return made._replace(
        averages=np.asarray(each_moved(made.averages, drift, disc=level.disc))
    ), drift


def _sure(sums: list[Sums]) -> np.ndarray:
    """What images tell of each class's own part, as a share of what they would if sorted: `[K]`.

    An image that may be of any class tells nothing of how they differ.
    """
    members, squares = np.array([[float(s.members.sum()), float(s.sure)] for s in sums]).T
    shares = members / members.sum()
    most = members * (1 - shares)
    return np.clip((squares - members * shares) / np.maximum(most, 1e-6), 1e-3, 1.0)
