"""Noisy stacks of spiral galaxies in colour, drawn by formula, each of its own form.

A disc with two arms, one fainter than the other, around a bulge. The disc is inclined about its
major axis, whose direction in the image is the pose. Inclination and winding of the arms differ
from galaxy to galaxy.
"""

import numpy as np

from benchmarks.stacks.particles import Case, Stack, spoilt

RADIUS = 0.85  # of the disc, in units of half the side
BULGE, DISC, ARMS = (np.array(c) for c in ((1.0, 0.7, 0.4), (0.5, 0.45, 0.4), (0.3, 0.5, 1.0)))
FAINTER = 0.45  # the second arm


def galaxies(case: Case, *, count: int, seed: int) -> Stack:
    """Galaxies `[N, size, size, 3]` at random directions and shifts."""
    rng = np.random.default_rng(seed)
    angles = rng.uniform(-180, 180, count)
    shifts = rng.uniform(-case.shift, case.shift, (count, 2))
    flat = rng.uniform(0.5, 0.9, count)  # cosine of the inclination
    winding = rng.uniform(2.2, 3.2, count)
    middle, half = (case.size - 1) / 2, case.size / 2
    grid = np.mgrid[: case.size, : case.size].transpose(1, 2, 0)
    clean = np.stack(
        [
            _galaxy((grid - middle - shift) / half, np.radians(angle), c, w)
            for angle, shift, c, w in zip(angles, shifts, flat, winding, strict=True)
        ]
    ).astype(np.float32)
    return Stack(case, spoilt(clean, case, rng), angles, shifts, np.zeros(count, int), 1)


def _galaxy(points: np.ndarray, turn: float, flat: float, winding: float) -> np.ndarray:
    """One galaxy `[size, size, 3]`; `points` are (y, x) in units of half the side."""
    cos, sin = np.cos(turn), np.sin(turn)
    y, x = cos * points[..., 0] + sin * points[..., 1], cos * points[..., 1] - sin * points[..., 0]
    x = x / flat
    radius = np.hypot(y, x) / RADIUS
    along = np.arctan2(x, y) - winding * np.log(np.maximum(radius, 0.02) / 0.2)
    edge = 1 / (1 + np.exp((radius - 0.9) / 0.05))
    bulge = np.exp(-((radius / 0.16) ** 2))
    disc = np.exp(-radius / 0.35) * edge
    arms = sum(
        weight * np.exp(5 * (np.cos(along - phase) - 1))
        for weight, phase in ((1.0, 0.0), (FAINTER, np.pi))
    )
    arms = arms * np.exp(-radius / 0.6) * edge * np.minimum(1, radius / 0.15)
    return sum(
        light[..., None] * colour
        for light, colour in ((bulge, BULGE), (0.5 * disc, DISC), (arms, ARMS))
    )
