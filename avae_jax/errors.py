"""The one exception that means "what you gave us cannot be used"."""


class InputError(ValueError):
    """A file, field or flag that cannot be used.

    The message is one sentence with the name, what came and what is wanted; the
    command line prints it without a traceback and exits with status 2.
    """


class NumericalError(RuntimeError):
    """A quantity that must stay finite did not; the command line exits with status 1."""
