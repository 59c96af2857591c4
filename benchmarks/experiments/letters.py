"""Letters, which a model of digits has never seen: drawn from a font, as MNIST is prepared."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

# I and O are digits as well.
NAMES = "ABCDEFGHJKLMNPQRSTUVWXYZ"
SIDE, BOX, DRAWN = 40, 20, 64


def letters(count: int) -> np.ndarray:
    """Letters `float32 [count, 40, 40, 1]`: slanted at random, 20 pixels large, centred."""
    rng = np.random.default_rng(0)
    font = ImageFont.load_default(DRAWN)
    return np.stack([_letter(NAMES[i % len(NAMES)], font, rng) for i in range(count)])


def _letter(name: str, font: ImageFont.FreeTypeFont, rng: np.random.Generator) -> np.ndarray:
    image = Image.new("L", (2 * DRAWN, 2 * DRAWN))
    stroke = int(rng.integers(0, 3))
    ImageDraw.Draw(image).text((DRAWN // 2, DRAWN // 4), name, 255, font, stroke_width=stroke)
    slant = float(rng.uniform(-0.3, 0.3))
    sheared = image.transform(
        image.size, Image.Transform.AFFINE, (1, slant, -slant * DRAWN, 0, 1, 0)
    )
    ink = sheared.crop(sheared.getbbox())
    factor = BOX / max(ink.size)
    small = ink.resize([max(1, round(side * factor)) for side in ink.size], Image.Resampling.BOX)
    page = np.zeros((SIDE, SIDE), np.float32)
    tall, wide = np.asarray(small).shape
    top, left = (SIDE - tall) // 2, (SIDE - wide) // 2
    page[top : top + tall, left : left + wide] = np.asarray(small, np.float32) / 255
    # MNIST is centred by its centre of mass.
    middle = (SIDE - 1) / 2 - np.array(ndimage.center_of_mass(page))
    return np.clip(ndimage.shift(page, middle, order=1), 0, 1)[..., None].astype(np.float32)
