"""Images in unknown poses, and a fit that takes a second or two."""

import numpy as np

SMALL = {
    "steps": 4,
    "seed": 5,
    "batch_size": 8,
    "hidden": (12,),
    "latent": 2,
    "preset": "fast",
    "starts": 3,
    "keep": 1,
    "search__steps": 1,
    "prototypes": 4,
    "turns": 8,
    "warmup": 1,
    "log__every": 2,
    "eval__examples": 4,
    "eval__batch_size": 4,
    "curve_points": 2,
    "curve_examples": 4,
    "marginal_examples": 0,
    "explored": False,
    "moments": 0,
}


def clubs(count: int = 24, side: int = 12) -> np.ndarray:
    """Golf clubs in grey, `[count, side, side]` uint8, each turned by a multiple of 90 degrees."""
    random = np.random.default_rng(0)
    x = np.zeros((count, side, side))
    middle = side // 2
    x[:, middle, 1 : side - 1] = 0.9
    x[:, middle + 1 : middle + 3, side - 4 : side - 1] = 0.8
    x *= random.uniform(0.6, 1, (count, 1, 1))
    turned = [
        np.rot90(one, turns) for one, turns in zip(x, random.integers(0, 4, count), strict=True)
    ]
    return np.round(255 * np.stack(turned)).astype(np.uint8)
