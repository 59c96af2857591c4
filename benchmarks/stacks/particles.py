"""Stacks of noisy particles of which the truth is known, made by the project itself.

A particle is a sum of soft rods: (y, x) of both ends, radius and weight, in units of half the side.
Images are drawn at their pose by formula, nothing is interpolated. The signal-to-noise ratio is
the variance of the signal over that of the noise within the particle's support.
"""

import dataclasses

import numpy as np

HINGE = (-0.1, 0.12)
SOFT = 0.04  # width of an edge, in units of half the side
SUPPORT = 0.05  # of the largest value: where the particle is


@dataclasses.dataclass(frozen=True)
class Case:
    """One stack: what is in it and what was done to it."""

    name: str
    shape: str = "hinged"
    size: int = 24
    snr: float = 0.39
    shift: float = 1.0  # pixels, uniform on each axis; 0: rotation only
    noise: str = "white"
    damage: str = ""  # gradient, inverted, hot, integer, negative, contrast


@dataclasses.dataclass(frozen=True)
class Stack:
    """Images `[N, H, W]` and the truth.

    Attributes:
      angles: of the objects, degrees `[N]`, from the first axis towards the second.
      shifts: of the objects, pixels `[N, 2]`, acting after the rotation.
      classes: `[N]`.
      order: rotational symmetry of the object, 2 where half a turn changes nothing.
    """

    case: Case
    images: np.ndarray
    angles: np.ndarray
    shifts: np.ndarray
    classes: np.ndarray
    order: int


def _arm(degrees: float) -> tuple[float, ...]:
    turn = np.radians(degrees)
    tip = HINGE[0] + 0.52 * np.sin(turn), HINGE[1] + 0.52 * np.cos(turn)
    return (*HINGE, *tip, 0.09, 1.0)


BODY = [(-0.1, -0.5, -0.1, 0.1, 0.14, 1.0), (0.15, -0.42, 0.15, -0.42, 0.14, 1.0)]
RODS = {
    "hinged": [[*BODY, _arm(angle)] for angle in (-45, 10, 65)],
    "half_turn": [[(-0.3, -0.4, 0.3, 0.4, 0.14, 1.0), (-0.3, -0.4, -0.45, 0.1, 0.1, 1.0),
                   (0.3, 0.4, 0.45, -0.1, 0.1, 1.0)]],
    "mirror": [[(0, -0.5, 0, 0.45, 0.12, 1.0), (0, 0.45, side * 0.4, 0.2, 0.1, 1.0),
                (0, -0.2, side * 0.35, -0.3, 0.1, 0.8)] for side in (-1, 1)],
    "elongated": [[(-0.02, -0.65, 0.02, 0.6, 0.11, 1.0), (0.02, 0.55, 0.16, 0.55, 0.11, 1.0)]],
    "round": [[(0, 0, 0, 0, 0.5, 1.0), (0.2, 0.25, 0.2, 0.25, 0.13, 0.8),
               (-0.28, 0.1, -0.28, 0.1, 0.1, -0.6)]],
    "three_fold": [[(0, 0, 0.5 * np.sin(turn), 0.5 * np.cos(turn), 0.12, weight)
                    for turn, weight in zip(np.radians([0, 120, 240]), (1, 1, 1.6), strict=True)]],
}  # fmt: skip
ORDER = {"half_turn": 2}
RANDOM = "rods:"  # and a seed: a particle of random rods


def conformations(shape: str) -> list[list[tuple[float, ...]]]:
    """The rods of each conformation of a particle, by name or `rods:SEED`.

    Random particles have 3 to 6 rods in a chain that branches, and one to four conformations that
    differ in the direction of the last rod.
    """
    if not shape.startswith(RANDOM):
        return RODS[shape]
    rng = np.random.default_rng([int(shape.removeprefix(RANDOM)), 1])
    body = [_rod(rng, rng.uniform(-0.2, 0.2, 2), 0.0, weight=1.0)]
    for _ in range(int(rng.integers(1, 5))):
        body.append(_rod(rng, np.array(body[rng.integers(len(body))][2:4]), 0.35))
    joint, number = np.array(body[rng.integers(len(body))][:2]), int(rng.integers(1, 5))
    turns = rng.uniform(0, 2 * np.pi) + np.radians(rng.uniform(15, 60)) * np.arange(number)
    long, radius, weight = rng.uniform(0.35, 0.5), rng.uniform(0.08, 0.12), rng.uniform(0.7, 1.0)
    ends = [joint + long * np.array([np.sin(turn), np.cos(turn)]) for turn in turns]
    places = np.array([rod[:4] for rod in body] + [(*joint, *end) for end in ends]).reshape(-1, 2)
    # The farthest end lies 0.75 half sides from the centre: no pose leaves the frame.
    centre = places.mean(0)
    middle, size = np.tile(centre, 2), 0.75 / np.linalg.norm(places - centre, axis=1).max()
    rods = [((np.array(rod[:4]) - middle) * size).tolist() + list(rod[4:]) for rod in body]
    arms = [((np.array([*joint, *end]) - middle) * size).tolist() for end in ends]
    return [[*map(tuple, rods), (*arm, radius, weight)] for arm in arms]


def _rod(
    rng: np.random.Generator, begin: np.ndarray, least: float, *, weight: float = 0.0
) -> tuple[float, ...]:
    """A rod of a random direction, length and width from `begin` on."""
    turn, long = rng.uniform(0, 2 * np.pi), rng.uniform(max(least, 0.25), 0.6)
    end = begin + long * np.array([np.sin(turn), np.cos(turn)])
    return (*begin, *end, rng.uniform(0.08, 0.14), weight or rng.uniform(0.6, 1.0))


def random_case(seed: int) -> Case:
    """A stack of a random particle: 24 or 48 pixels, an SNR of 0.05 to 3, shifts or none."""
    rng = np.random.default_rng([seed, 0])
    size = int(rng.choice([24, 48]))
    # Noise is averaged over four times the pixels at 48.
    low, high = (0.05, 0.75) if size == 48 else (0.2, 3.0)
    snr = float(f"{np.exp(rng.uniform(np.log(low), np.log(high))):.2g}")
    shift = float(rng.choice([0.0, size / 24]))
    return Case(f"{RANDOM}{seed}", shape=f"{RANDOM}{seed}", size=size, snr=snr, shift=shift)


def draw(
    rods: list[tuple[float, ...]], size: int, angles: np.ndarray, shifts: np.ndarray
) -> np.ndarray:
    """Images `[N, size, size]` of one particle at angles (degrees) and shifts (pixels)."""
    middle = (size - 1) / 2
    y, x = (np.mgrid[:size, :size] - middle) / (size / 2)
    made = np.zeros((len(angles), size, size), np.float32)
    cos, sin = (f(np.radians(angles))[:, None, None] for f in (np.cos, np.sin))
    y, x = (a - s[:, None, None] / (size / 2) for a, s in ((y, shifts[:, 0]), (x, shifts[:, 1])))
    y, x = cos * y + sin * x, cos * x - sin * y
    for y0, x0, y1, x1, radius, weight in rods:
        long = max((y1 - y0) ** 2 + (x1 - x0) ** 2, 1e-9)
        along = np.clip(((y - y0) * (y1 - y0) + (x - x0) * (x1 - x0)) / long, 0, 1)
        far = np.hypot(y - y0 - along * (y1 - y0), x - x0 - along * (x1 - x0))
        made += weight / (1 + np.exp((far - radius) / SOFT))
    return made


def particles(case: Case, *, count: int, seed: int) -> Stack:
    """A stack of drawn particles, conformations in equal shares."""
    rng = np.random.default_rng(seed)
    forms = conformations(case.shape)
    classes = rng.integers(0, len(forms), count)
    angles = rng.uniform(-180, 180, count)
    shifts = rng.uniform(-case.shift, case.shift, (count, 2))
    clean = np.zeros((count, case.size, case.size), np.float32)
    for index, rods in enumerate(forms):
        mine = classes == index
        clean[mine] = draw(rods, case.size, angles[mine], shifts[mine])
    return Stack(case, spoilt(clean, case, rng), angles, shifts, classes, ORDER.get(case.shape, 1))


def spoilt(clean: np.ndarray, case: Case, rng: np.random.Generator) -> np.ndarray:
    """Clean images with the noise of the case, and whatever else happened to them."""
    inside = clean > SUPPORT * clean.max()
    sigma = np.sqrt(np.var(clean[inside]) / case.snr)
    damage = case.damage
    if damage == "contrast":
        clean = clean * rng.uniform(0.6, 1.4, (len(clean), 1, 1))
    images = clean + sigma * noise(clean.shape, case.noise, rng)
    if damage == "inverted":
        images = -images
    elif damage == "gradient":
        ramp = np.linspace(-1, 1, case.size)
        slopes = rng.normal(0, 1.5 * sigma, (2, len(clean), 1, 1))
        images = images + slopes[0] * ramp[:, None] + slopes[1] * ramp
    elif damage == "hot":
        images = np.where(rng.random(clean.shape) < 0.002, 30 * sigma + images, images)
    images = (images - images.mean()) / images.std()
    if damage == "integer":
        low, high = images.min(), images.max()
        return np.rint((images - low) / (high - low) * 65535).astype(np.uint16)
    return (images * 40 - 700 if damage == "negative" else images).astype(np.float32)


def noise(shape: tuple[int, ...], kind: str, rng: np.random.Generator) -> np.ndarray:
    """Noise of variance 1: white, or coloured, with a power that falls with frequency."""
    white = rng.standard_normal(shape, dtype=np.float32)
    if kind == "white":
        return white
    wide = rng.standard_normal((shape[0], 2 * shape[1], 2 * shape[2]), dtype=np.float32)
    frequency = np.hypot(np.fft.fftfreq(2 * shape[1])[:, None], np.fft.rfftfreq(2 * shape[2]))
    gain = 1 / np.sqrt(1 + (frequency / 0.1) ** 2)
    made = np.fft.irfft2(np.fft.rfft2(wide) * gain, wide.shape[1:])[:, : shape[1], : shape[2]]
    return made / made.std()
