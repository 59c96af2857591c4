"""Progress bars: animated on a terminal, lines in a file."""

import sys
from typing import Any

from tqdm import tqdm

from avae_jax.core import sharding


def progress_bar(**options: Any) -> tqdm:
    """A bar that is animated on a terminal and writes occasional lines to a file."""
    interval = 0.2 if sys.stderr.isatty() else 15.0
    return tqdm(mininterval=interval, disable=not sharding.leads(), **options)
