"""Several devices share the examples of an alignment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
from test_aligning import knowing, numbers_of, options, posed, turn

from avae_jax.aligning.run import align_by
from avae_jax.request import Request

ANGLES = np.linspace(-170, 160, 7)


def aligned(folder):
    """Seven turned objects aligned by all devices there are, in batches of four or more."""
    jax.config.update("jax_disable_most_optimizations", True)
    trained, image = knowing((13, 13))
    np.save(folder / "x.npy", posed(image, [turn(angle) for angle in ANGLES])[..., 0])
    request = Request(str(folder / "x.npy"), folder / "out", reconstructions=True)
    align_by(trained, options(), request)


def test_three_devices_align_as_known(tmp_path):
    many = {"XLA_FLAGS": "--xla_force_host_platform_device_count=3", "JAX_PLATFORMS": "cpu"}
    called = [sys.executable, __file__, str(tmp_path)]
    done = subprocess.run(called, env=os.environ | many, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # Four at once are six where three devices share them evenly.
    assert json.loads((tmp_path / "out" / "align.json").read_text())["job"]["batch"] == 6
    np.testing.assert_allclose(numbers_of(tmp_path / "out", "rotation_deg"), ANGLES, atol=2)
    made = [np.load(tmp_path / "out" / name) for name in ("x.npy", "reconstructions/x.npy")]
    image = knowing((13, 13))[1][..., 0]
    np.testing.assert_allclose(made[1], np.broadcast_to(image, made[1].shape), atol=1e-4)
    # Interpolated twice, at few pixels; not aligned it would be off by nearly 1.
    assert np.abs(made[0] - image).max() < 0.45


if __name__ == "__main__":
    aligned(Path(sys.argv[1]))
    assert jax.device_count() == 3
