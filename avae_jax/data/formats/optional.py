"""Libraries that only some formats need; an error names a missing library and its extra."""

import importlib
import logging
from types import ModuleType

from avae_jax.core.errors import InputError


def library(name: str, what: str, *, extra: str = "formats") -> ModuleType:
    """The library `name`, which reads `what`.

    Args:
      extra: of this package that installs it.

    Raises:
      InputError: it is not installed; gives the command that installs it.
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
    """Keeps the log messages of a library off the screen; faults are raised as errors.

    Handlers of the library's own logger still get all messages.
    """
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = False
