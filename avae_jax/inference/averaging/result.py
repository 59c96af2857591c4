"""What an alignment gives: poses in the project's convention, classes, and how sure they are."""

import dataclasses

import numpy as np
from scipy.special import ndtr, softmax

from avae_jax.inference.ambiguity import DEGREES
from avae_jax.inference.averaging.condition import Conditioned
from avae_jax.inference.averaging.consistency import Consistency
from avae_jax.inference.averaging.disc import Disc
from avae_jax.inference.averaging.gauge import drawn_at, registered, rotated
from avae_jax.inference.averaging.model import Model
from avae_jax.inference.averaging.near import Found, best_of

APART = 20.0  # degrees: poses closer than that are one mode


@dataclasses.dataclass(frozen=True)
class ClassAlignment:
    """A stack aligned.

    Attributes:
      poses: carry each image to the canonical pose, `[N, 3, 3]`; lengths are half the longest side.
      degrees: the object's angle as it came, `[N]`, from the first axis towards the second.
      shift_px: the object's shift as it came, after the rotation, `[N, 2]` on axes y, x.
      classes: `[N]`, the largest first.
      class_posterior: `[N, K]`.
      averages: `[K, H, W, C]` in the canonical pose, in the images' units about their background.
      gap_nats: how much less likely the best pose is that is `APART` degrees off, `[N]`.
      sd_deg: posterior deviation of the angle about its mode, `[N]`.
      shift_sd_px: posterior deviation of the shift along an axis, `[N]`.
      elsewhere: posterior probability of a pose whose angle is more than 15 degrees off, `[N]`.
      noise: its deviation in each ring of frequencies, `[C, rings]`, in the images' units.
      spread_px: standard deviation of shifts on an axis.
      contrast_sd: standard deviation of the images' contrasts about 1.
      stable: what a quarter turn of some images changes; `None` where that was not tried.
      log_likelihood: of the conditioned images, in nats.
      ready: what was done to the images before (without the images).
    """

    poses: np.ndarray
    degrees: np.ndarray
    shift_px: np.ndarray
    classes: np.ndarray
    class_posterior: np.ndarray
    averages: np.ndarray
    gap_nats: np.ndarray
    sd_deg: np.ndarray
    shift_sd_px: np.ndarray
    elsewhere: np.ndarray
    noise: np.ndarray
    spread_px: float
    contrast_sd: float
    stable: Consistency | None
    log_likelihood: float
    ready: Conditioned


def result(
    ready: Conditioned,
    shape: tuple[int, int],
    disc: Disc,
    model: Model,
    every: Found,
    likely: float,
    stable: Consistency,
) -> ClassAlignment:
    """All classes laid on the largest one, the common centre where shifts have no mean.

    Args:
      every: all modes of each image, `[N, K * M]`.
    """
    order = np.argsort(-np.asarray(model.shares), kind="stable")
    found, averages = best_of(every).of(order), np.asarray(model.averages)[order]
    posterior = softmax(found.logs, axis=1)
    placed = registered(averages, disc, np.asarray(model.shares)[order])
    angle = found.angle - placed[:, 0]
    shift = found.shift - rotated(placed[None, :, 1:], angle)
    rows, best = np.arange(len(angle)), posterior.argmax(1)
    theta, moves = angle[rows, best], shift[rows, best]
    middle = rotated(moves, -theta).mean(0)
    moves = moves - rotated(middle[None], theta)
    placed[:, 1:] += middle
    laid = map(drawn_at, averages, placed.astype(np.float32), [disc] * len(averages))
    pictures = _cropped(np.stack(list(laid)), shape)
    turns, spread = np.empty(len(order)), found.spread[rows, best]
    turns[order] = placed[:, 0]
    return ClassAlignment(
        poses=_poses(theta, moves, disc.side / 2),
        degrees=np.degrees(np.angle(np.exp(1j * theta))),
        shift_px=moves,
        classes=best,
        class_posterior=posterior,
        averages=pictures * ready.scale,
        gap_nats=_gaps(found.turn, placed[:, 0]),
        sd_deg=np.degrees(np.sqrt(spread[:, 0, 0])),
        shift_sd_px=np.sqrt((spread[:, 1, 1] + spread[:, 2, 2]) / 2),
        elsewhere=elsewhere(every, turns, theta),
        noise=np.sqrt(np.asarray(model.common.noise)) * ready.scale,
        spread_px=float(model.common.spread),
        contrast_sd=float(np.sqrt(model.common.contrast)),
        stable=stable,
        log_likelihood=likely,
        ready=dataclasses.replace(ready, images=ready.images[:0]),
    )


def _poses(theta: np.ndarray, moves: np.ndarray, unit: float) -> np.ndarray:
    """Inverses of shift . rotation, `[N, 3, 3]`."""
    cos, sin = np.cos(theta), np.sin(theta)
    made = np.tile(np.eye(3), (len(theta), 1, 1))
    made[:, :2, :2] = np.moveaxis(np.array([[cos, sin], [-sin, cos]]), -1, 0)
    made[:, :2, 2] = -rotated(moves, -theta) / unit
    return made


def _gaps(turn: np.ndarray, placed: np.ndarray) -> np.ndarray:
    """Nats between the best pose and the best that is far from it, of logs `[N, K, A]`."""
    count, classes, turns = turn.shape
    step = 2 * np.pi / turns
    rolled = [np.roll(turn[:, k], -int(np.rint(placed[k] / step)), axis=1) for k in range(classes)]
    best = np.max(rolled, axis=0)
    top = best.argmax(1)
    far = np.abs((np.arange(turns) - top[:, None] + turns // 2) % turns - turns // 2)
    away = np.where(far * step > np.radians(APART), best, -np.inf).max(1)
    return best[np.arange(count), top] - away


def elsewhere(every: Found, turns: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Probability `[N]` of angles more than `DEGREES` from the stated `theta [N]`.

    Args:
      turns: what lays each class on the common frame, radians `[K]`.
    """
    modes = every.angle.shape[1] // len(turns)
    away = every.angle - np.repeat(turns, modes) - theta[:, None]
    away = np.angle(np.exp(1j * away))
    wide, limit = np.sqrt(every.spread[..., 0, 0]) + 1e-9, np.radians(DEGREES)
    near = ndtr((limit - away) / wide) - ndtr((-limit - away) / wide)
    return np.clip(1 - (softmax(every.logs, axis=1) * near).sum(1), 0, 1)


def _cropped(pictures: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Images `[K, H, W, C]` out of squares `[K, C, n, n]`."""
    side = pictures.shape[-1]
    top, left = ((side - n) // 2 for n in shape)
    cut = pictures[:, :, top : top + shape[0], left : left + shape[1]]
    return np.moveaxis(cut, 1, -1)
