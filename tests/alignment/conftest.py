"""What several tests of alignment begin with."""

import importlib

import numpy as np
import pytest
from PIL import Image

from avae_jax.models.affine_model import ProgramKey
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


@pytest.fixture(autouse=True, scope="session")
def traced_once():
    """Alignments by one model of stacks of one frame share their programs, as chunks do."""
    compute, known = importlib.import_module("avae_jax.alignment.compute"), {}
    programs = compute.programs

    def shared(work):
        avae = ProgramKey.of(work.trained.avae)
        key = avae, work.search, work.calibration, work.seen.own
        if key not in known:
            known[key] = programs(work)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compute, "programs", shared)
        yield
