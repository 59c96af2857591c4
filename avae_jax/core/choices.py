"""Look-up of choices by name: an entry of a table, or an error with the known names."""

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

from avae_jax.core.errors import InputError

Entry = TypeVar("Entry")


def look_up(table: Mapping[str, Entry], name: object, what: str) -> Entry:
    """The entry of `table` called `name`.

    Args:
      what: the option or argument that holds the name, for the message.

    Raises:
      InputError: no such entry; lists the names and the nearest one.
    """
    if isinstance(name, str) and name in table:
        return table[name]
    raise InputError(f"{what}={name!r}: {wanted_instead(name, table)}")


def wanted_instead(name: object, names: Iterable[str]) -> str:
    """`one of a, b, c`, and a suggestion if one of `names` resembles the unknown `name`."""
    known = list(names)
    listed = known[0] if len(known) == 1 else "one of " + ", ".join(known)
    return listed + nearest(name, known)


def nearest(name: object, names: Iterable[str]) -> str:
    """`, did you mean X?` for the one of `names` that resembles `name`, or nothing."""
    close = difflib.get_close_matches(name, list(names), n=1) if isinstance(name, str) else []
    return f", did you mean {close[0]}?" if close else ""
