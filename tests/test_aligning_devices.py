"""Several devices share the examples of an alignment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
from test_aligning import knowing, numbers_of, options, posed, turn

from avae_jax.alignment.align import align_by
from avae_jax.config.modes import Request

ANGLES = np.linspace(-170, 160, 7)


def aligned(folder):
    """Seven turned objects aligned by all devices there are, in batches of four or more."""
    jax.config.update("jax_disable_most_optimizations", True)
    trained, image = knowing((13, 13))
    np.save(folder / "x.npy", posed(image, [turn(angle) for angle in ANGLES])[..., 0])
    request = Request(str(folder / "x.npy"), folder / "out", reconstructions=True)
    align_by(trained, options(), request)


def run_on(devices, folder):
    """`aligned` in a process of its own with so many devices."""
    flag = f"--xla_force_host_platform_device_count={devices}"
    many = os.environ | {"XLA_FLAGS": flag, "JAX_PLATFORMS": "cpu"}
    called = [sys.executable, __file__, str(folder), str(devices)]
    folder.mkdir()
    done = subprocess.run(called, env=many, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "out"


def test_three_devices_align_as_one_does(tmp_path):
    three, one = (run_on(devices, tmp_path / str(devices)) for devices in (3, 1))
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


if __name__ == "__main__":
    aligned(Path(sys.argv[1]))
    assert jax.device_count() == int(sys.argv[2])
