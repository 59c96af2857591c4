"""Exceptions that the command line turns into a sentence and an exit status."""

LONGEST = 2000


class InputError(ValueError):
    """A file, field or flag that cannot be used.

    The message is one sentence with the name, what came and what is wanted; the
    command line prints it without a traceback and exits with status 2. What it quotes may
    come from anywhere: it is kept on one line and to `LONGEST` characters.
    """

    def __init__(self, message: object):
        text = str(message)
        said = text if len(text) <= LONGEST else text[:LONGEST] + "..."
        super().__init__("".join(c if c.isprintable() else _spelt(c) for c in said))


def _spelt(character: str) -> str:
    """A character that would break a line, or a terminal, as `\\n` or `\\x1b`."""
    return character.encode("unicode_escape").decode()


class NumericalError(RuntimeError):
    """A quantity that must stay finite did not; the command line exits with status 1."""


class DistributedError(RuntimeError):
    """Processes that work together did not meet or lost one; the exit status is 1."""


class Preempted(RuntimeError):
    """The run was asked to end and has saved what it did; the status is 143 (130 after Ctrl-C)."""
