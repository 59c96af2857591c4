"""A small exploration made by hand, whose every number is known."""

import numpy as np

from avae_jax import report

KEPT = 2


def bar(degrees, side=16):
    """A bar with a foot, turned counter-clockwise, `[side, side, 1]`."""
    y, x = np.indices((side, side)) - (side - 1) / 2
    turn = np.radians(degrees)
    along, aside = x * np.sin(turn) + y * np.cos(turn), x * np.cos(turn) - y * np.sin(turn)
    body = (np.abs(along) < side * 0.36) & (np.abs(aside) < side * 0.09)
    foot = (np.abs(along - side * 0.3) < side * 0.07) & (aside > 0) & (aside < side * 0.3)
    return (body | foot).astype(np.float32)[..., None]


def solid(degrees, side=8):
    """The same as a thin volume that stands, `[side, side, side, 1]`."""
    volume = np.zeros((side, side, side, 1), np.float32)
    flat = bar(degrees, side)
    volume[:, :, 2:6] = flat[:, :, None]
    return volume


def trial(example, found, *, volume=False):
    """One dial: the loss is 100 at the pose `found`, a second optimum lies opposite."""
    draw = solid if volume else bar
    own = 0.0 if volume else found
    # Pictures of volumes take time.
    grid = np.arange(-150.0, 190.0, 30.0) if volume else np.arange(-170.0, 190.0, 10.0)
    stops = grid if volume else np.sort(np.append(grid, own))
    values = np.append(stops, [own, np.nan if volume else (own + 360) % 360 - 180])
    away = np.radians(np.where(np.isnan(values), own + 180, values) - own)
    losses = 150 - 40 * np.cos(away) - 10 * np.cos(2 * away)
    turned = np.stack([draw(value) for value in np.nan_to_num(values)])
    still = np.stack([draw(0.0)] * len(values))
    return report.Trial(example, values, losses, turned, still, turned, ("+1 deg", "-179 deg"))


def exploration(count=30, *, volume=False, labels=True):
    """`count` examples on the map, dials for five and the last one, every fifth doubtful."""
    draw, random = solid if volume else bar, np.random.default_rng(0)
    angles = random.uniform(-180, 180, count).round()
    chosen = [*range(min(5, count)), count - 1]
    atlas = report.Atlas(
        observed=np.stack([draw(-angle) for angle in angles]),
        canonical=np.stack([draw(0.0)] * count),
        place=random.normal(size=(count, 2)),
        shares=(0.4, 0.2),
        labels=np.arange(count) % 3 if labels else None,
        loss_before=np.full(count, 150.0),
        loss_after=np.full(count, 100.0),
        gap=np.where(np.arange(count) % 5 == 4, 1.5, np.inf),
        doubtful=np.arange(count) % 5 == 4,
        moved_by=tuple(f"{angle:+.0f} deg" for angle in angles),
    )
    trials = tuple(trial(i, float(angles[i]), volume=volume) for i in chosen)
    return report.Exploration("rotation", "deg", volume, True, 5.0, trials, atlas)
