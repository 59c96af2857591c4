"""Furniture of ten classes with random proportions, as boxes and turned parts.

Each builder returns parts in metres, roughly: x to the right, y to the back, z up from the
floor. Parts that break a symmetry (a leaf, an armrest, a drawer unit, a handle) are always on
the same side, so that a class has one upright pose.
"""

from collections.abc import Callable

from numpy.random import Generator

from avae_jax.data.sources.solid_parts import Box, Lathe, Part

THIN = 0.12  # about one voxel of 16 along the cube; thinner parts fade


def chair(rng: Generator) -> list[Part]:
    """Four legs, a seat, a leaning back of one panel or of slats, sometimes armrests."""
    w, d, seat = rng.uniform(0.48, 0.62), rng.uniform(0.48, 0.6), rng.uniform(0.4, 0.5)
    top, lean = seat + rng.uniform(0.5, 0.7), rng.uniform(0.0, 0.2)
    parts = [*_legs(w, d, seat), Box((0, 0, seat), (w, d, seat + THIN))]
    if rng.random() < 0.6:
        parts.append(Box((0, d - THIN, seat), (w, d, top), lean))
    else:
        for x in (0, w - THIN):
            parts.append(Box((x, d - THIN, seat), (x + THIN, d, top), lean))
        for share in (0.45, 0.85):
            z = seat + share * (top - seat)
            y = d - THIN + lean * (z - seat)
            parts.append(Box((0, y, z), (w, y + THIN, z + 0.12)))
    if rng.random() < 0.4:
        rest = seat + rng.uniform(0.28, 0.34)
        for x in (0, w - THIN):
            parts.append(Box((x, 0, rest - 0.1), (x + THIN, d, rest)))
            parts.append(Box((x, 0, seat), (x + THIN, THIN, rest)))
    return parts


def table(rng: Generator) -> list[Part]:
    """A wide top on four legs, with a leaf that hangs down at the right end."""
    w, d, h = rng.uniform(1.0, 1.25), rng.uniform(0.6, 0.8), rng.uniform(0.55, 0.7)
    leaf = rng.uniform(0.25, 0.4)
    top = Box((0, 0, h), (w, d, h + THIN))
    hanging = Box((w - THIN, 0, h - leaf), (w, d, h))
    return [*_legs(w - 0.25, d, h, thick=0.14), top, hanging]


def stool(rng: Generator) -> list[Part]:
    """A step stool: a small seat at the back, a step before it."""
    w, deep, step = rng.uniform(0.45, 0.6), rng.uniform(0.28, 0.36), rng.uniform(0.22, 0.3)
    h, low, leg = rng.uniform(0.6, 0.75), rng.uniform(0.24, 0.32), 0.11
    parts: list[Part] = [
        Box((0, step, h), (w, step + deep, h + 0.1)),
        Box((0, 0, low), (w, step + 0.1, low + 0.1)),
    ]
    for x in (0, w - leg):
        parts.append(Box((x, step, 0), (x + leg, step + leg, h)))
        parts.append(Box((x, step + deep - leg, 0), (x + leg, step + deep, h)))
        parts.append(Box((x, 0, 0), (x + leg, leg, low)))
    return parts


def bench(rng: Generator) -> list[Part]:
    """A long seat on two side panels, with a low back and an armrest at the right end."""
    w, d, seat = rng.uniform(1.15, 1.4), rng.uniform(0.38, 0.48), rng.uniform(0.38, 0.46)
    back, arm = rng.uniform(0.35, 0.5), rng.uniform(0.22, 0.3)
    parts: list[Part] = [
        Box((0, 0, seat), (w, d, seat + THIN)),
        Box((0, d - THIN, seat + 0.12), (w, d, seat + THIN + back), rng.uniform(0.0, 0.25)),
        Box((w - THIN, 0, seat), (w, d, seat + THIN + arm)),
    ]
    for x in (0.1, w - 0.1 - THIN):
        parts.append(Box((x, 0, 0), (x + THIN, d, seat)))
    return parts


def bed(rng: Generator) -> list[Part]:
    """A mattress on four legs between a high headboard at the back and a low footboard."""
    w, d, h = rng.uniform(0.8, 1.1), rng.uniform(1.25, 1.5), rng.uniform(0.24, 0.34)
    head, foot = h + rng.uniform(0.5, 0.7), h + rng.uniform(0.26, 0.34)
    pillow = rng.uniform(0.4, 0.5) * w
    return [
        *_legs(w, d, h, thick=0.18),
        Box((0, 0, h), (w, d, h + 0.16)),
        Box((0, d - 0.14, h), (w, d, head)),
        Box((0, 0, h), (w, 0.14, foot)),
        Box((w - pillow - 0.06, d - 0.44, h + 0.16), (w - 0.06, d - 0.14, h + 0.3)),
    ]


def sofa(rng: Generator) -> list[Part]:
    """A low, deep seat with two thick arms and a back, longer at the right end."""
    w, d, seat = rng.uniform(1.2, 1.5), rng.uniform(0.55, 0.7), rng.uniform(0.28, 0.36)
    arm, back, chaise = rng.uniform(0.14, 0.22), rng.uniform(0.35, 0.5), rng.uniform(0.25, 0.45)
    return [
        Box((0, 0, 0.08), (w, d, seat)),
        Box((0, d - 0.2, seat), (w, d, seat + back)),
        Box((0, 0, 0), (arm, d, seat + 0.2)),
        Box((w - arm, 0, 0), (w, d, seat + 0.2)),
        Box((w - 0.4 * w, -chaise, 0.08), (w, 0, seat)),
    ]


def desk(rng: Generator) -> list[Part]:
    """A top with drawers below its right half, a side panel left and a panel behind."""
    w, d, h = rng.uniform(1.1, 1.3), rng.uniform(0.5, 0.65), rng.uniform(0.62, 0.75)
    drawers, screen = rng.uniform(0.36, 0.46), rng.uniform(0.3, 0.38)
    return [
        Box((0, 0, h), (w, d, h + THIN)),
        Box((w - drawers, 0.04, 0.08), (w - 0.02, d, h)),
        Box((0, 0, 0), (THIN, d, h)),
        Box((0, d - THIN, 0.5 * h), (w, d, h)),
        Box((0.15, d - 0.2, h + 0.18), (0.15 + 0.5, d - 0.08, h + 0.18 + screen)),
        Box((0.36, d - 0.2, h), (0.36 + 0.1, d - 0.08, h + 0.2)),
    ]


def lamp(rng: Generator) -> list[Part]:
    """A round foot, a pole, an arm to the right and a shade that hangs from it."""
    h, reach = rng.uniform(1.1, 1.4), rng.uniform(0.4, 0.55)
    foot, wide, deep = rng.uniform(0.24, 0.32), rng.uniform(0.24, 0.32), rng.uniform(0.28, 0.4)
    return [
        Lathe((0, 0), (0, 0.13), (foot, foot)),
        Lathe((0, 0), (0, h), (0.1, 0.1)),
        Box((0, -0.09, h - 0.15), (reach, 0.09, h)),
        Lathe((reach, 0), (h - 0.12 - deep, h - 0.1), (wide, 0.12)),
    ]


def shelf(rng: Generator) -> list[Part]:
    """A bookcase on a deeper cabinet, with books at the left of its boards."""
    w, d, h = rng.uniform(0.65, 0.85), rng.uniform(0.3, 0.38), rng.uniform(1.15, 1.4)
    base, out = rng.uniform(0.25, 0.38) * h, rng.uniform(0.12, 0.2)
    gaps = int(rng.integers(2, 4))
    gap = (h - 0.1 - base) / gaps
    parts: list[Part] = [
        Box((0, -out, 0), (w, d, base)),
        Box((0, 0, base), (0.1, d, h)),
        Box((w - 0.1, 0, base), (w, d, h)),
        Box((0, d - 0.08, base), (w, d, h)),
        Box((0, 0, h - 0.1), (w, d, h)),
    ]
    for level in range(gaps):
        z, row = base + level * gap, rng.uniform(0.15, 0.45) * w
        if level > 0:
            parts.append(Box((0, 0, z - 0.05), (w, d, z + 0.05)))
        parts.append(Box((0.1, 0.06, z), (0.1 + row, d, z + 0.65 * gap)))
    return parts


def jug(rng: Generator) -> list[Part]:
    """A round belly with a neck, a handle on the right and a spout on the left."""
    h, belly, neck = rng.uniform(0.9, 1.1), rng.uniform(0.28, 0.36), rng.uniform(0.14, 0.19)
    out, low, high = belly + rng.uniform(0.25, 0.32), 0.25 * h, 0.78 * h
    heights = (0.0, 0.25 * h, 0.45 * h, 0.72 * h, 0.88 * h, h)
    radii = (0.7 * belly, belly, 0.95 * belly, neck, neck, 1.3 * neck)
    return [
        Lathe((0, 0), heights, radii),
        Box((0, -0.08, high), (out, 0.08, high + 0.14)),
        Box((out - 0.14, -0.08, low), (out, 0.08, high + 0.14)),
        Box((0, -0.08, low), (out, 0.08, low + 0.14)),
        Box((-1.3 * neck - 0.18, -0.09, h - 0.14), (0, 0.09, h)),
    ]


def _legs(w: float, d: float, h: float, *, thick: float = THIN) -> list[Part]:
    """Four legs at the corners of w x d, from the floor up to h."""
    return [
        Box((x, y, 0), (x + thick, y + thick, h)) for x in (0, w - thick) for y in (0, d - thick)
    ]


CLASSES: dict[str, Callable[[Generator], list[Part]]] = {
    build.__name__: build
    for build in (chair, table, stool, bench, bed, sofa, desk, lamp, shelf, jug)
}
