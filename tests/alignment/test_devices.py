"""Several devices share the examples of an alignment."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.support import ROOT
from tests.support.alignment_cases import knowing, numbers_of
from tests.support.device_alignment import ANGLES, aligned
from tests.support.processes import with_devices

pytestmark = pytest.mark.standard


def run_on(devices, folder):
    """`aligned` in a process of its own with so many devices."""
    called = [sys.executable, "-m", "tests.support.device_alignment", str(folder), str(devices)]
    folder.mkdir()
    many = with_devices(devices)
    done = subprocess.run(called, cwd=ROOT, env=many, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "out"


@pytest.mark.full
def test_align_on_three_devices_as_on_one(tmp_path):
    """Three devices align as one does."""
    three, one = run_on(3, tmp_path / "3"), tmp_path / "1" / "out"
    one.parent.mkdir()
    aligned(one.parent)
    # Four at once are six where three devices share them evenly.
    sizes = [json.loads((out / "align.json").read_text())["job"]["batch"] for out in (three, one)]
    assert sizes == [6, 4]
    np.testing.assert_allclose(numbers_of(three, "rotation_deg"), ANGLES, atol=2)
    for name in ("x.npy", "reconstructions/x.npy", "latents.npy"):
        made = [np.load(out / name) for out in (three, one)]
        np.testing.assert_allclose(*made, atol=1e-4)
    image = knowing((13, 13))[1][..., 0]
    drawn = np.load(three / "reconstructions" / "x.npy")
    np.testing.assert_allclose(drawn, np.broadcast_to(image, drawn.shape), atol=1e-4)
