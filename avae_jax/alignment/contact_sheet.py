"""Contact sheet: a picture of examples before and after alignment."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from avae_jax.report import picture, volume
from avae_jax.report.folder import Pair, Section, both
from avae_jax.report.text import plain

TILE, GAP, LINE, MARGIN = 104, 10, 15, 24  # pixels
ACROSS = 8
INK, MUTED, PAPER, ALARM = "#1f2328", "#59636e", "#ffffff", "#c2410c"


def save(path: Path, title: str, notes: Sequence[str], sections: Sequence[Section]) -> None:
    """Draws the sheet as a PNG file."""
    sections = [section for section in sections if section.pairs]
    width = 2 * MARGIN + 64 + ACROSS * (TILE + GAP)
    rows = [-(-len(section.pairs) // ACROSS) for section in sections]
    top = MARGIN + 30 + 20 * len(notes)
    height = top + sum(44 + count * _row_height(s) for s, count in zip(sections, rows, strict=True))
    sheet = Image.new("RGB", (width, height + MARGIN), PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, INK, _font(20))
    for number, note in enumerate(notes):
        draw.text((MARGIN, MARGIN + 32 + 20 * number), note, MUTED, _font(14))
    radius = _radius(sections)
    for section, count in zip(sections, rows, strict=True):
        draw.text((MARGIN, top + 18), section.title, INK, _font(16))
        for number, pair in enumerate(section.pairs):
            row, column = divmod(number, ACROSS)
            corner = (MARGIN + 64 + column * (TILE + GAP), top + 44 + row * _row_height(section))
            _draw_pair(sheet, draw, pair, corner, radius, _pictures(section))
        for row in range(count if _pictures(section) == 2 else 0):
            _name_row(draw, top + 44 + row * _row_height(section))
        top += 44 + count * _row_height(section)
    sheet.save(path, "PNG", optimize=True)


def _pictures(section: Section) -> int:
    """2 before and after; 1 of class averages, which have no pose of their own."""
    return max(len(both(pair)) for pair in section.pairs)


def _row_height(section: Section) -> int:
    lines = max(len(pair.lines) for pair in section.pairs)
    return LINE + _pictures(section) * (TILE + 4) + LINE * lines + 2 * GAP


def _name_row(draw: ImageDraw.ImageDraw, top: int) -> None:
    middle = top + LINE + TILE // 2 - 8
    draw.text((MARGIN, middle), "before", MUTED, _font(14))
    draw.text((MARGIN, middle + TILE + 4), "after", MUTED, _font(14))


def _draw_pair(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    pair: Pair,
    corner: tuple[int, int],
    radius: float,
    pictures: int,
) -> None:
    left, top = corner
    colour = ALARM if pair.doubtful else INK
    draw.text((left, top), _fitting(draw, pair.name), colour, _font(11))
    for number, example in enumerate(both(pair)):
        place = left, top + LINE + number * (TILE + 4)
        sheet.paste(_tile(example, radius), place)
        if pair.doubtful:
            draw.rectangle((*place, place[0] + TILE - 1, place[1] + TILE - 1), outline=ALARM)
    for number, line in enumerate(pair.lines):
        at = left, top + LINE + pictures * (TILE + 4) + number * LINE
        draw.text(at, _fitting(draw, line), colour, _font(11))


def _tile(example: np.ndarray, radius: float) -> Image.Image:
    """A square picture of one example on a background that shows its border."""
    # The last of four channels is transparency.
    shown = example[..., :3] if example.shape[-1] == 4 else example
    made = Image.open(io.BytesIO(picture.png(shown, radius=radius))).convert("RGBA")
    made.thumbnail((TILE, TILE), Image.Resampling.BOX)
    if max(made.size) < TILE:
        times = TILE / max(made.size)
        size = (max(1, round(made.width * times)), max(1, round(made.height * times)))
        made = made.resize(size, Image.Resampling.NEAREST)
    tile = Image.new("RGB", (TILE, TILE), "#e6ebf0")
    tile.paste(made, ((TILE - made.width) // 2, (TILE - made.height) // 2), made)
    return tile


def _radius(sections: Sequence[Section]) -> float:
    """Half the width of the view of every volume, the same scale for all."""
    pairs = [pair for section in sections for pair in section.pairs]
    if pairs[0].before.ndim != 4:
        return 0.0
    return max(volume.reach(example) for pair in pairs for example in both(pair))


def _fitting(draw: ImageDraw.ImageDraw, text: str) -> str:
    """`text` short enough for a tile; the end of a name is kept, because it is distinctive."""
    font, text = _font(11), plain(text)
    if draw.textlength(text, font) <= TILE:
        return text
    while text and draw.textlength("..." + text, font) > TILE:
        text = text[1:]
    return "..." + text


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
