"""Tests of `avae_jax.alignment.contact_sheet`."""

import numpy as np
import pytest
from PIL import Image

from avae_jax.alignment import contact_sheet
from avae_jax.alignment.contact_sheet import Pair, Section


@pytest.mark.full_cases("shape3")
@pytest.mark.standard
@pytest.mark.parametrize("shape", [(9, 7, 1), (9, 7, 3), (9, 7, 4), (6, 6, 6, 1)])
def test_save_draws_every_section(shape, tmp_path):
    draws = np.random.default_rng(0)
    pairs = [
        Pair(draws.random(shape), draws.random(shape), f"{n}.png", ("+10 deg",), n == 1)
        for n in range(contact_sheet.ACROSS + 1)
    ]
    heights = []
    for sections in ([Section("Typical", pairs[:2])], [Section("Typical", pairs)]):
        file = tmp_path / f"{len(heights)}.png"
        contact_sheet.save(file, "stack", ["note"], [*sections, Section("Doubtful", [])])
        with Image.open(file) as sheet:
            heights.append(sheet.height)
            assert np.ptp(np.asarray(sheet)) > 100
    # Nine pairs take two rows, and a section without pairs takes none.
    assert heights[1] > heights[0] + contact_sheet.TILE


def test_class_averages_take_one_picture_each(tmp_path):
    draws, heights = np.random.default_rng(0), []
    for after in (draws.random((8, 8, 1)), None):
        pairs = [Pair(draws.random((8, 8, 1)), after, "class 1", ("9 images",), False)]
        contact_sheet.save(tmp_path / "x.png", "stack", [], [Section("Class averages", pairs)])
        with Image.open(tmp_path / "x.png") as sheet:
            heights.append(sheet.height)
    assert heights[0] - heights[1] == contact_sheet.TILE + 4
