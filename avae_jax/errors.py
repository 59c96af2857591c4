"""The exceptions that the command line turns into a sentence and an exit status."""


class InputError(ValueError):
    """A file, field or flag that cannot be used.

    The message is one sentence with the name, what came and what is wanted; the
    command line prints it without a traceback and exits with status 2.
    """


class NumericalError(RuntimeError):
    """A quantity that must stay finite did not; the command line exits with status 1."""


class DistributedError(RuntimeError):
    """Processes that work together did not meet or lost one; the exit status is 1."""


class Preempted(RuntimeError):
    """The run was asked to end and has saved what it did; the exit status is 143."""
