"""Exceptions that the command line reports as a sentence and an exit status."""

LONGEST = 2000


class InputError(ValueError):
    """A file, field or flag that cannot be used.

    The message is one sentence with the name, the given value and the wanted value; the
    command line prints it without a traceback and exits with status 2. Quoted text may
    come from any file: the message is kept on one line and to `LONGEST` characters.

    >>> import avae_jax
    >>> avae_jax.parse_family("rotate", 2)
    Traceback (most recent call last):
        ...
    avae_jax.core.errors.InputError: ...
    """

    def __init__(self, message: object):
        text = str(message)
        said = text if len(text) <= LONGEST else text[:LONGEST] + "..."
        super().__init__("".join(c if c.isprintable() else _spelt(c) for c in said))


def _spelt(character: str) -> str:
    """The escape (`\\n`, `\\x1b`) of a character that would break a line or a terminal."""
    return character.encode("unicode_escape").decode()


class NumericalError(RuntimeError):
    """A quantity that must stay finite did not; the command line exits with status 1."""


class DistributedError(RuntimeError):
    """The processes of a run did not connect, or one failed; the exit status is 1."""


class Preempted(RuntimeError):
    """A signal ended the run, which has saved its state; the status is 143 (130 after Ctrl-C)."""
