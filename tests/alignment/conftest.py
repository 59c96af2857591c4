"""What several tests of alignment begin with."""

import numpy as np
import pytest
from PIL import Image

from tests.support.alignment_outputs import SIDE


@pytest.fixture
def pictures(tmp_path):
    """A folder of three pictures in a folder with other files of the user."""
    folder = tmp_path / "user" / "my_images"
    (folder / "deep").mkdir(parents=True)
    draws = np.random.default_rng(0)
    for name in ("a.png", "b.png", "deep/c.png"):
        Image.fromarray(draws.integers(0, 255, (SIDE, SIDE)).astype("u1")).save(folder / name)
    (folder / "notes.txt").write_text("of the user")
    return folder
