"""An alignment by all devices of a process; run as a program.

python -m tests.support.device_alignment FOLDER DEVICES
"""

import sys
from pathlib import Path

import jax
import numpy as np

from avae_jax.alignment.align import align_by
from avae_jax.config.modes import Request
from tests.support.alignment_cases import knowing, options, posed, turn

ANGLES = np.linspace(-170, 160, 7)


def aligned(folder):
    """Seven turned objects aligned by all devices there are, in batches of four or more."""
    jax.config.update("jax_disable_most_optimizations", True)
    trained, image = knowing((13, 13))
    np.save(folder / "x.npy", posed(image, [turn(angle) for angle in ANGLES])[..., 0])
    request = Request(str(folder / "x.npy"), folder / "out", reconstructions=True)
    align_by(trained, options(), request)


if __name__ == "__main__":
    aligned(Path(sys.argv[1]))
    assert jax.device_count() == int(sys.argv[2])
