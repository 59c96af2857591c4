"""Libraries that only some formats need; a missing one is named with its extra."""

import importlib
import logging
from types import ModuleType

from avae_jax.core.errors import InputError


def library(name: str, what: str, *, extra: str = "formats") -> ModuleType:
    """The library `name`, which reads `what`.

    Args:
      extra: the one of this package that brings it.

    Raises:
      InputError: it is not installed; gives the line that does so.
    """
    _quiet(logging.getLogger(name))
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"{what}: reading it needs {name}, which is not installed; "
            f'run pip install "avae_jax[{extra}]" (or pip install {name})'
        ) from error


def _quiet(logger: logging.Logger) -> None:
    """What a library finds odd in a file it logs; what matters comes as an error.

    Handlers of its own logger still get all.
    """
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = False
