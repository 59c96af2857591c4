"""Presets of the search, adapted to a family.

A preset is an entry of `PRESETS`. `original` is the recipe of the original work: 32 random
starts, the best 8 refined by 20 Adam steps of 0.03.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from avae_jax.config.options import SearchOptions
from avae_jax.core.choices import look_up
from avae_jax.core.errors import InputError
from avae_jax.transform.families import Family

# Values of fields of `SearchOptions` by their names.
Values = Mapping[str, Any]

ORIGINAL = {
    "kind": "random",
    "starts": 32,
    "keep": 8,
    "steps": 20,
    "method": "adam",
    "polish": 0,
    "margin": 0.0,
    "learning_rate": 0.03,
    "distance": 0.0,
    "learned": False,
    "doubt": 0.0,
    "prototypes": 1,
    "turns": 1,
}
OURS = {
    "kind": "bank",
    "polish": 0,
    "margin": 0.0,
    "learning_rate": 0.03,
    "distance": 15.0,
    "learned": False,
    "doubt": 0.0,
}
# The size class of a family is the first whose bound is not below P, its number of parameters. One
# parameter is searched by values: derivatives end in the ripples of an interpolated loss
# (docs/decisions/0008-values-along-a-line.md). Full Gauss-Newton steps cost 1 + P forward passes,
# so only few parameters use them (docs/decisions/0005-registration-before-network-derivatives.md).
SIZES = {"one": 1, "few": 2, "many": math.inf}
LINE = {"method": "line", "steps": 2, "polish": 2}
FAST = {
    "one": {**LINE, "starts": 20, "keep": 2, "margin": 5.0},
    "few": {"method": "gauss_newton", "starts": 8, "keep": 2, "steps": 4},
    "many": {"method": "register", "starts": 8, "keep": 1, "steps": 8},
}
THOROUGH = {
    "one": {**LINE, "starts": 24, "keep": 3, "margin": 20.0, "distance": 10.0},
    "few": {"method": "register", "starts": 16, "keep": 2, "steps": 3, "polish": 3},
    "many": {"method": "register", "starts": 24, "keep": 2, "steps": 8, "polish": 1},
}
# A pose head limits the starts to score; uncertain examples need more.
LEARNED = {
    "one": {"starts": 20, "doubt": 0.005, "margin": 2.0},
    "few": {"starts": 20, "doubt": 0.005},
    "many": {},
}
# A train step profits less from the last hundredths of a nat than the final result.
LEARNED_IN_TRAINING = {"one": {"doubt": 0.02, "polish": 1}, "few": {"doubt": 0.02}, "many": {}}
# An update takes the best few starts of a bank: after registered poses the held-out loss rises by
# 0.2 % at most (docs/decisions/0013-less-search-before-an-update.md).
IN_TRAINING = {
    "one": {"starts": 4, "keep": 1, "steps": 1, "polish": 1},
    "many": {"starts": 4, "steps": 5},
}
# Prototypes and rotations of the bank, by dimension; in 3-D, a distance of 15 degrees is too
# small to distinguish optima from their flanks.
BANKS: dict[int, Values] = {
    2: {"prototypes": 64, "turns": 64},
    3: {"prototypes": 32, "turns": 2048, "distance": 20.0},
}


class Preset(NamedTuple):
    """Values of a preset for the fields of `SearchOptions` that are none.

    Attributes:
      always: values for every family.
      by_dimension: values for 2-D and 3-D, which override the earlier ones; so do the
        following, in their order.
      by_size: by the size of the family, see `SIZES`.
      answers_in_space: for families of many parameters in 3-D, except in training: an
        evaluation builds its bank once, training builds it before every update.
      in_training: by size, in training, for starts of a bank, if proposals are not learned.
      learned: by size, if proposals are learned.
      learned_in_training: by size, if proposals are learned, in training.
    """

    always: Values
    by_dimension: Mapping[int, Values] = {}
    by_size: Mapping[str, Values] = {}
    answers_in_space: Values = {}
    in_training: Mapping[str, Values] = {}
    learned: Mapping[str, Values] = {}
    learned_in_training: Mapping[str, Values] = {}


PRESETS = {
    "original": Preset(ORIGINAL),
    "fast": Preset(
        OURS,
        BANKS,
        FAST,
        answers_in_space={"prototypes": 64, "steps": 10},
        in_training=IN_TRAINING,
        learned=LEARNED,
        learned_in_training=LEARNED_IN_TRAINING,
    ),
    "thorough": Preset(OURS, BANKS, THOROUGH, answers_in_space={"prototypes": 64}),
}


def resolve_search(
    options: SearchOptions, group: Family, *, training: bool = False
) -> SearchOptions:
    """`options` with every `None` replaced by the value of its preset.

    Args:
      training: for the search before each update, which is smaller in most cases.

    Raises:
      InputError: an unknown preset, more kept candidates than starts, or a contradiction
        between method, starts and family.

    >>> import avae_jax
    >>> options = avae_jax.SearchOptions(preset="original")
    >>> avae_jax.resolve_search(options, avae_jax.parse_family("rotation", 2)).starts
    32
    """
    if not isinstance(options, SearchOptions):
        raise InputError(f"options: {type(options).__name__}, wanted avae_jax.SearchOptions(...)")
    preset = _values(look_up(PRESETS, options.preset, "search.preset"), options, group, training)
    given = {k: v for k, v in dataclasses.asdict(options).items() if v is not None}
    full = SearchOptions(**{**preset, **given})
    if options.keep is None:
        full = dataclasses.replace(full, keep=min(full.keep, full.starts))
    elif training and options.starts is None:
        # What is kept was chosen for the search of an answer, which has more starts.
        full = dataclasses.replace(full, starts=max(full.keep, full.starts))
    unused: dict[str, Any] = {name: 0 for name in _unused(full) if name not in given}
    full = dataclasses.replace(full, **unused)
    _check(full, group)
    return full


resolve = resolve_search  # The earlier name.


def _values(preset: Preset, options: SearchOptions, group: Family, training: bool) -> dict:
    """The values of a preset for a family, in training or after it."""
    size = next(name for name, most in SIZES.items() if group.size <= most)
    parts = [preset.always, preset.by_dimension.get(group.d, {}), preset.by_size.get(size, {})]
    if group.d == 3 and size == "many" and not training:
        parts.append(preset.answers_in_space)
    if options.learned:
        parts.append(preset.learned.get(size, {}))
        parts.append(preset.learned_in_training.get(size, {}) if training else {})
    elif training and options.kind in (None, "bank"):
        parts.append(preset.in_training.get(size, {}))
    return {name: value for part in parts for name, value in part.items()}


def _unused(full: SearchOptions) -> tuple[str, ...]:
    """Fields that the method does not use: a preset's value is dropped, a given one refused."""
    return {"line": (), "register": ("doubt",)}.get(full.method, ("polish",))


def _check(full: SearchOptions, group: Family) -> None:
    if full.keep > full.starts:
        raise InputError(f"search.keep={full.keep}: at most search.starts={full.starts}")
    if (full.learned or full.doubt) and full.kind != "bank":
        name = "search.learned=true" if full.learned else f"search.doubt={full.doubt:g}"
        raise InputError(
            f"{name}: wants search.kind=bank, not {full.kind} (search.preset={full.preset})"
        )
    if full.learned and not group.has("rotation"):
        raise InputError(
            f"search.learned=true: wants a family with rotations, not {group.name}; a pose head "
            "proposes rotations"
        )
    if full.method == "line" and group.size != 1:
        raise InputError(
            f"search.method=line: wants a family of one parameter, this one has {group.size}"
        )
    for name in _unused(full):
        value = getattr(full, name)
        if value:
            unused = f"search.method={full.method} has no use for it"
            raise InputError(f"search.{name}={value}: {unused}")
