"""A stack of noisy images aligned: averages found, poses refined, all in one frame."""

import jax.numpy as jnp
import numpy as np
from scipy.special import softmax

from avae_jax.inference.averaging.arguments import require_arguments
from avae_jax.inference.averaging.classes import explored, placed
from avae_jax.inference.averaging.condition import conditioned
from avae_jax.inference.averaging.consistency import quarter_turns
from avae_jax.inference.averaging.data import Data, held, lowered, part, recentred
from avae_jax.inference.averaging.disc import Disc, higher
from avae_jax.inference.averaging.em import near_round, near_rounds, rounds
from avae_jax.inference.averaging.gauge import LEAST_SPREAD, centred, rotated, spread_of
from avae_jax.inference.averaging.local import bank_of, started
from avae_jax.inference.averaging.model import Model
from avae_jax.inference.averaging.modes import MODES, Modes, modes, peaks
from avae_jax.inference.averaging.near import Found, best_of, found_of
from avae_jax.inference.averaging.result import ClassAlignment, result
from avae_jax.inference.averaging.sampling import Level

BATCH = 500
LOW = 8  # periods a box: what the first averages show
SHIFT = 0.12  # of the side: how far objects may be from the centre, where nothing is said
SEARCHED = 2000  # images that averages are first looked for in
CLASSES = 8  # tried at most
LARGE = 4_000_000  # entries of all vectors beyond which frequencies without signal are left out
FINE = 40  # periods a box: what poses are refined with
SEEN = 0.3  # share of a ring that is signal, where it is worth while
FINE_ROUNDS, NEAR_ROUNDS = 8, 4


def align_images(
    images: np.ndarray,
    *,
    seed: int = 0,
    max_shift: float | None = None,
    num_classes: int | None = None,
    most_classes: int = CLASSES,
) -> ClassAlignment:
    """Poses and classes of images of one kind of object, each in a pose of its own.

    Args:
      images: `[N, H, W]` or `[N, H, W, C]`, values of any scale.
      max_shift: pixels that objects may be off the centre; by default an eighth of the side.
      num_classes: of averages; by default as many as pay for themselves, up to `most_classes`.

    Raises:
      InputError: says what was wanted.
      NumericalError: a likelihood that is not finite.
    """
    images = np.asarray(images)
    images = images[..., None] if images.ndim == 3 else images
    require_arguments(len(images), max_shift=max_shift, num_classes=num_classes, unit="pixels")
    rng = np.random.default_rng(seed)
    ready = conditioned(images)
    side = ready.images.shape[1]
    whole = Disc(side, min((side - 1) // 2, FINE))
    low = Disc(side, min(LOW, whole.radius))
    data = held(ready.images, whole, size=min(BATCH, len(images)), centre=ready.centre)
    reach = SHIFT * side if max_shift is None else float(max_shift)
    counts = range(num_classes, num_classes + 1) if num_classes else range(1, most_classes + 1)
    model, grid, centres = _averaged(data, low, reach, counts, rng)
    model, every, likely, disc = _refined(data, low, model, grid, centres)
    size = len(data.batches[0].weight)
    stable = quarter_turns(
        ready.images,
        ready.centre,
        best_of(every),
        model,
        disc,
        _fine(low, reach),
        size=size,
        most=MODES,
    )
    return result(ready, images.shape[1:3], disc, model, every, likely, stable)


def _averaged(
    data: Data, low: Disc, reach: float, counts: range, rng: np.random.Generator
) -> tuple[Model, Modes, np.ndarray]:
    """Averages at low resolution, the best samples under them, and the shifts these are about."""
    small = lowered(data, low)
    searched = part(small, SEARCHED)
    step = low.side / (2 * low.radius)
    coarse = Level(low, 48, step, max(1.0, np.ceil(reach / step)) + 0.3 if reach else 0.0)
    model = explored(searched, coarse, max(reach / 2, LEAST_SPREAD), counts, rng).model
    _, centres = placed(small, model, coarse, most=1)
    small = recentred(small, centres)
    fine = _fine(low, reach)
    model = rounds(small, model, fine, most=FINE_ROUNDS, rng=rng).model
    return model, peaks(modes(small, model, fine), fine, MODES), centres


def _fine(low: Disc, reach: float) -> Level:
    """The closest samples of the grid."""
    return Level(low, 96, low.side / (4 * low.radius), 2.9 if reach else 0.0)


def _refined(
    data: Data, low: Disc, model: Model, grid: Modes, centres: np.ndarray
) -> tuple[Model, Found, float, Disc]:
    """Averages and all modes between the samples, at low and then at full resolution."""
    data = recentred(data, centres)
    small = lowered(data, low)
    fit, near = near_rounds(small, model, bank_of(low), grid, most=2)
    found = found_of(near, bank_of(low), grid, centres)
    model, shift = _centred(fit.model, low, found)
    begun = grid._replace(angle=found.angle, shift=shift - centres[:, None])
    if data.count * data.disc.size > LARGE:
        data = lowered(data, _resolved(part(data, SEARCHED), low, model, begun))
    model = _raised(model, low, data)
    level = bank_of(data.disc)
    fit, near = near_rounds(data, model, level, begun, most=NEAR_ROUNDS)
    return fit.model, found_of(near, level, grid, centres), fit.log_likelihood, data.disc


def _resolved(data: Data, low: Disc, model: Model, begun: Modes) -> Disc:
    """As much of the frequencies as a round shows signal in."""
    level = bank_of(data.disc)
    begun = begun._replace(angle=begun.angle[: data.count], shift=begun.shift[: data.count])
    poses = started(begun.angle, begun.shift, level, len(data.batches[0].weight))
    model, _, _ = near_round(data, _raised(model, low, data), level, poses)
    seen = np.asarray(model.kept) > SEEN
    last = 1 + int(np.flatnonzero(seen.any((0, 1)))[-1])
    # Few sizes, so that few programs are compiled.
    radius = max(low.radius, -(-last // low.radius) * low.radius)
    return data.disc if radius >= data.disc.radius else Disc(data.disc.side, radius)


def _centred(model: Model, disc: Disc, every: Found) -> tuple[Model, np.ndarray]:
    """Averages about the centre of rotation, shifts of every mode about it, and their spread."""
    found = best_of(every)
    weight = softmax(found.logs, axis=1)
    model, mean = centred(model, disc, found.angle, found.shift, weight)
    shift = found.shift - rotated(mean[None], found.angle)
    rows, best = np.arange(len(shift)), weight.argmax(1)
    variance = np.diagonal(found.spread[rows, best], axis1=1, axis2=2)[:, 1:]
    spread = spread_of(shift[rows, best].ravel(), variance.ravel(), float(model.common.spread))
    common = model.common._replace(spread=jnp.float32(spread))
    means = np.repeat(mean, every.angle.shape[1] // len(mean), 0)
    return model._replace(common=common), every.shift - rotated(means[None], every.angle)


def _raised(model: Model, low: Disc, data: Data) -> Model:
    """A model for all frequencies: in the new ones noise, and no signal yet."""
    plain = jnp.asarray(data.energy / (data.count * data.disc.ring_sizes), jnp.float32)
    kept = jnp.zeros((*model.kept.shape[:2], data.disc.radius))
    return model._replace(
        averages=higher(model.averages, low, data.disc),
        common=model.common._replace(noise=plain.at[:, : low.radius].set(model.common.noise)),
        kept=kept.at[:, :, : low.radius].set(model.kept),
    )
