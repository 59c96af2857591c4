"""What the command lines of the benchmarks have in common."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from avae_jax.core.errors import InputError


def at_least(low: int) -> Callable[[str], int]:
    """The type of a flag: an integer not below `low`."""

    def integer(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"{value}, wanted at least {low}")
        return value

    return integer


def destination(text: str) -> Path:
    """The type of a flag: a file to write, looked at before there is anything to write."""
    path = Path(text)
    if not path.parent.is_dir() or path.is_dir():
        raise argparse.ArgumentTypeError(f"{text}, wanted a file in a folder that exists")
    return path


def run(main: Callable[[], None]) -> None:
    """Runs `main`; input that cannot be used is one sentence and exit status 2."""
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
