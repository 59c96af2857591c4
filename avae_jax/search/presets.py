"""Presets of the search, and the rule that fits them to a family.

`source` is the recipe of the original work: 32 random starts, the best 8 refined by 20
Adam steps of 0.03.
"""

import dataclasses

from avae_jax.errors import InputError
from avae_jax.options import SearchOptions
from avae_jax.transform.families import Family

SOURCE = {
    "kind": "random",
    "starts": 32,
    "keep": 8,
    "steps": 20,
    "method": "adam",
    "learning_rate": 0.03,
    "distance": 0.0,
}
OURS = {"kind": "even", "method": "gauss_newton", "learning_rate": 0.03, "distance": 15.0}


def resolve(options: SearchOptions, group: Family) -> SearchOptions:
    """`options` with every `None` replaced by the value of its preset.

    Raises:
      InputError: more candidates kept than starts.
    """
    preset = _preset(options.preset, group)
    given = {k: v for k, v in dataclasses.asdict(options).items() if v is not None}
    full = SearchOptions(**{**preset, **given})
    if full.keep > full.starts:
        raise InputError(f"search.keep={full.keep}: at most search.starts={full.starts}")
    return full


def _preset(name: str, group: Family) -> dict:
    if name == "source":
        return SOURCE
    few, many = _starts(group)
    if name == "fast":
        return {**OURS, "starts": few, "keep": 2, "steps": 5}
    return {**OURS, "starts": many, "keep": 8, "steps": 10}


def _starts(group: Family) -> tuple[int, int]:
    """Starts of `fast` and `thorough`: what it takes to cover the family."""
    if not group.has("rotation"):
        return 32, 128
    if group.d == 3:
        return 256, 1024
    return (32, 128) if group.size == 1 else (128, 512)
