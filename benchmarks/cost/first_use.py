"""What a user waits for: import, a model loaded and used, a first `fit`; and the same once more.

    python -m benchmarks.cost.first_use --json first_use.json

Every case runs twice, each time in a new process: first with an empty cache of compiled programs,
then with the cache that the first process left. `seconds` are of the wall, `cpu_seconds` of all
cores, images not counted; `compile_seconds` are those in which XLA compiled a program or read it
from the cache. Run it without other jobs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from benchmarks import command_line

# What every case begins with; `measured` ends it.
FRAME = """
import json, time
begun, used = time.perf_counter(), time.process_time()
compiled = []
def listen():
    import jax
    event = "/jax/core/compile/backend_compile_duration"
    def add(name, seconds, **_):
        compiled.extend([seconds] * (name == event))
    jax.monitoring.register_event_duration_secs_listener(add)
def measured():
    print(json.dumps({
        "seconds": time.perf_counter() - begun,
        "cpu_seconds": time.process_time() - used,
        "compile_seconds": sum(compiled),
    }))
"""
DIGITS = """
import numpy as np
from scipy import ndimage
from sklearn.datasets import load_digits
images = ndimage.zoom(load_digits().images[:1000] / 16, (1, 2, 2), order=1)
images = np.pad(images, ((0, 0), (4, 4), (4, 4)))
angles = np.random.default_rng(0).uniform(-180, 180, len(images))
images = [ndimage.rotate(x, a, reshape=False, order=1) for x, a in zip(images, angles)]
images = np.stack(images)
begun, used = time.perf_counter(), time.process_time()
"""
CASES = {
    "import": "import avae_jax\n",
    "first name: warp": "import avae_jax\navae_jax.warp\n",
    "first name: fit": "import avae_jax\navae_jax.fit\n",
    "first name: Aligner": "import avae_jax\navae_jax.Aligner\n",
    "load and pose 100 digits": DIGITS
    + "listen()\nimport avae_jax\navae_jax.pretrained('digits').pose(images[:100])\n",
    "load and pose 100 volumes": "import numpy as np\nlisten()\nimport avae_jax\n"
    "volumes = np.random.default_rng(0).uniform(size=(100, 16, 16, 16))\n"
    "avae_jax.pretrained('chairs').pose(volumes)\n",
    "fit 1,000 digits, 300 updates": DIGITS
    + "listen()\nimport avae_jax\navae_jax.fit(images, steps=300, progress=False)\n",
}


def main() -> None:
    """Runs every case twice and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=command_line.destination, help="where to write the numbers")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=tuple(CASES))
    flags = parser.parse_args()
    table = {name: first_and_later(CASES[name], name) for name in flags.cases}
    if flags.json:
        flags.json.write_text(json.dumps({"first_use": table}, indent=2) + "\n")


def first_and_later(case: str, name: str) -> Sequence[dict[str, float]]:
    """The times of a case in a first process and in one that finds its programs compiled."""
    with tempfile.TemporaryDirectory() as cache:
        times = [_times(case, cache) for _ in range(2)]
    for which, row in zip(("first", "later"), times, strict=True):
        seconds = ", ".join(f"{key} {value:.2f}" for key, value in row.items())
        print(f"{name:30} {which}: {seconds}", flush=True)
    return times


def _times(case: str, cache: str) -> dict[str, float]:
    environment = {**os.environ, "AVAE_JAX_CACHE": cache}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    called = [sys.executable, "-c", FRAME + case + "measured()\n"]
    run = subprocess.run(called, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


if __name__ == "__main__":
    command_line.run(main)
