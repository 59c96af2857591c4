"""What a page of numpy does to a stack: the bound by true templates, EM over templates, moments.

Written plainly, and apart from the product: this is what it is measured against.
"""

import dataclasses

import numpy as np
from scipy import ndimage

from benchmarks.stacks.particles import Case, Stack, conformations, draw

ROUNDS, STEP, STARTS = 25, 5.0, 2  # of EM: rounds, degrees between templates, seeds


@dataclasses.dataclass(frozen=True)
class Found:
    """Angles `[N]` in degrees and shifts `[N, 2]` in pixels of the objects, classes `[N]`.

    `doubtful [N]` says which poses a method does not trust, and `elsewhere [N]` how probable it is
    that a pose is more than 15 degrees off, where it says so.
    """

    angles: np.ndarray
    shifts: np.ndarray
    classes: np.ndarray
    note: str = ""
    doubtful: np.ndarray | None = None
    elsewhere: np.ndarray | None = None


def flattened(images: np.ndarray, *, inverted: bool = False) -> np.ndarray:
    """Images `[N, P]` without their means."""
    flat = images.reshape(len(images), -1).astype(np.float32) * (-1 if inverted else 1)
    return flat - flat.mean(1, keepdims=True)


def true_templates(stack: Stack) -> Found:
    """Maximum likelihood over class, angle (2 degrees) and shift (1/48 of a side), with parabolas.

    The brightness of the objects is known. The noise is taken as white: it bounds such stacks only.
    """
    case = stack.case
    step = case.size / 48
    reach = case.shift + 2 * step if case.shift else 0
    shifts = np.arange(-reach, reach + step / 2, step)
    angles = np.arange(0, 360, 2.0)
    grid = np.stack(np.meshgrid(angles, shifts, shifts, indexing="ij"), -1).reshape(-1, 3)
    data = flattened(stack.images, inverted=case.damage == "inverted")
    data *= _gain(stack, data)
    shape = (len(angles), len(shifts), len(shifts))
    best, found = np.full(len(data), -np.inf), Found(*np.zeros((3, len(data))))
    for k, rods in enumerate(conformations(case.shape)):
        templates = flattened(draw(rods, case.size, grid[:, 0], grid[:, 1:]))
        table = data @ templates.T - 0.5 * (templates**2).sum(1)
        one = _peaks(table.reshape(len(data), 1, *shape), angles, shifts)
        better = table.max(1) > best
        best = np.maximum(best, table.max(1))
        found = Found(
            np.where(better, one.angles, found.angles),
            np.where(better[:, None], one.shifts, found.shifts if k else 0),
            np.where(better, k, found.classes).astype(int),
        )
    return found


def _gain(stack: Stack, data: np.ndarray) -> float:
    """What makes the images as bright as the clean objects, by least squares."""
    square = product = 0.0
    for k, rods in enumerate(conformations(stack.case.shape)):
        mine = stack.classes == k
        clean = flattened(draw(rods, stack.case.size, stack.angles[mine], stack.shifts[mine]))
        square += float((clean**2).sum())
        product += float((clean * data[mine]).sum())
    return square / product


def _peaks(table: np.ndarray, angles: np.ndarray, shifts: np.ndarray) -> Found:
    """The best class, angle and shift of scores `[N, K, A, S, S]`, by parabolas between samples."""
    count, _, turns, side, _ = table.shape
    best = table.reshape(count, -1).argmax(1)
    k, a, y, x = np.unravel_index(best, table.shape[1:])
    n = np.arange(count)
    around = table[n, k, (a + np.array([[-1], [0], [1]])) % turns, y, x]
    turned = angles[a] + _vertex(around) * (angles[1] - angles[0])
    moved = np.zeros((count, 2))
    if side > 2:
        inner = np.clip(y, 1, side - 2), np.clip(x, 1, side - 2)
        step = shifts[1] - shifts[0]
        ys = table[n, k, a, inner[0] + np.array([[-1], [0], [1]]), x]
        xs = table[n, k, a, y, inner[1] + np.array([[-1], [0], [1]])]
        moved[:, 0] = shifts[inner[0]] + _vertex(ys) * step
        moved[:, 1] = shifts[inner[1]] + _vertex(xs) * step
    return Found(turned, moved, k)


def _vertex(around: np.ndarray) -> np.ndarray:
    """Where the parabola through three samples `[3, N]` is highest, in steps from the middle."""
    low, middle, high = around
    bend = np.minimum(low - 2 * middle + high, -1e-9)
    return np.clip(0.5 * (low - high) / bend, -1, 1)


def expectation_maximisation(images: np.ndarray, case: Case, *, classes: int, seed: int) -> Found:
    """Soft assignment over class, angle and shift; of two starts the one of higher likelihood."""
    runs = [_run(flattened(images), case, classes, seed + i) for i in range(STARTS)]
    return max(runs, key=lambda run: run[0])[1]


def _run(data: np.ndarray, case: Case, classes: int, seed: int) -> tuple[float, Found]:
    """One start: smoothed images drawn at random, then rounds of E and M."""
    rng = np.random.default_rng(seed)
    size, reach = case.size, int(np.ceil(case.shift)) + 1 if case.shift else 0
    shifts, angles = np.arange(-reach, reach + 1), np.arange(0, 360, STEP)
    picked = data[rng.choice(len(data), classes, replace=False)].reshape(-1, size, size)
    means = np.stack([ndimage.gaussian_filter(image, 2) for image in picked])
    variance, share = data.var(), np.full(classes, 1 / classes)
    for _ in range(ROUNDS):
        templates = _templates(means, angles, shifts)
        flat = templates.reshape(-1, size * size)
        score = (data @ flat.T - 0.5 * (flat**2).sum(1)) / variance
        score += np.repeat(np.log(share), len(flat) // classes).astype(np.float32)
        top = score.max(1, keepdims=True)
        weight = np.exp(score - top)
        total = weight.sum(1, keepdims=True)
        likelihood = float((top + np.log(total)).sum()) - (data**2).sum() / (2 * variance)
        likelihood -= 0.5 * data.size * np.log(variance)
        weight /= total
        weight[weight < 1e-12] = 0  # numbers that small would be slow
        explained = (2 * (weight * (score - np.log(np.repeat(share, len(flat) // classes))))).sum()
        variance = ((data**2).sum() - variance * explained) / data.size
        means, share = _means(weight, data, means.shape, angles, shifts)
    shape = (classes, len(angles), len(shifts), len(shifts))
    found = _peaks(score.reshape(len(data), *shape), angles, shifts)
    return likelihood, dataclasses.replace(found, note=f"log-likelihood {likelihood:.0f}")


def _templates(means: np.ndarray, angles: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """Templates `[K, A, S, S, H, W]` of averages `[K, H, W]`."""
    turned = np.stack([[_turned(mean, angle) for angle in angles] for mean in means])
    rows = np.stack([np.roll(turned, s, axis=2) for s in shifts], 2)
    moved = np.stack([np.roll(rows, s, axis=4) for s in shifts], 3)
    return moved - moved.mean((-2, -1), keepdims=True)


def _means(
    weight: np.ndarray, data: np.ndarray, shape: tuple, angles: np.ndarray, shifts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Averages `[K, H, W]` of the images, moved back, and shares `[K]`."""
    classes, size = shape[0], shape[1]
    sums = (weight.T @ data).reshape(classes, len(angles), len(shifts), len(shifts), size, size)
    rows = sum(np.roll(sums[:, :, i], -s, axis=3) for i, s in enumerate(shifts))
    moved = sum(np.roll(rows[:, :, i], -s, axis=3) for i, s in enumerate(shifts))
    back = [sum(_turned(m, -a) for m, a in zip(mine, angles, strict=True)) for mine in moved]
    share = weight.reshape(len(data), classes, -1).sum((0, 2)) + 1e-9
    return (np.stack(back) / share[:, None, None]).astype(np.float32), share / share.sum()


def _turned(image: np.ndarray, degrees: float) -> np.ndarray:
    """An image turned from the first axis towards the second, as `np.rot90`."""
    return ndimage.rotate(image, degrees, reshape=False, order=1)


def moments(images: np.ndarray, case: Case) -> Found:
    """Principal axis of the smoothed image, its direction by the third moment."""
    size = case.size
    data = flattened(images, inverted=case.damage == "inverted").reshape(-1, size, size)
    smooth = ndimage.gaussian_filter(data, (0, size / 16, size / 16))
    smooth -= np.median(smooth, axis=(1, 2), keepdims=True)
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    mass = np.maximum(smooth, 0) * (np.hypot(y, x) < size / 2)
    mass /= mass.sum((1, 2), keepdims=True) + 1e-9
    cy, cx = (mass * y).sum((1, 2)), (mass * x).sum((1, 2))
    dy, dx = y - cy[:, None, None], x - cx[:, None, None]
    skew = (mass * (dy**2 - dx**2)).sum((1, 2)), (mass * dy * dx).sum((1, 2))
    axis = 0.5 * np.arctan2(2 * skew[1], skew[0])
    along = np.cos(axis)[:, None, None] * dy + np.sin(axis)[:, None, None] * dx
    axis = np.where((mass * along**3).sum((1, 2)) < 0, axis + np.pi, axis)
    centre = np.stack([cy, cx], 1) * bool(case.shift)
    return Found(np.degrees(axis), centre, np.zeros(len(data), int))
