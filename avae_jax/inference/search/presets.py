"""Presets of the search, adapted to a family.

`source` is the recipe of the original work: 32 random starts, the best 8 refined by 20
Adam steps of 0.03.
"""

import dataclasses

from avae_jax.config.options import SearchOptions
from avae_jax.core.errors import InputError
from avae_jax.transform.families import Family

SOURCE = {
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
# By the number of parameters P. One parameter is searched by values: derivatives end in the
# ripples of an interpolated loss (docs/decisions/0008-values-along-a-line.md). Full Gauss-Newton
# steps cost 1 + P forward passes, so only few parameters use them
# (docs/decisions/0005-registration-before-network-derivatives.md).
FEW = 2
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
# A head knows which starts need scoring; what it is not sure of costs more starts.
LEARNED = {
    "one": {"starts": 20, "doubt": 0.005, "margin": 2.0},
    "few": {"starts": 20, "doubt": 0.005},
    "many": {},
}
# An update profits less from the last hundredths of a nat than the final answer does.
LEARNED_IN_TRAINING = {"one": {"doubt": 0.02, "polish": 1}, "few": {"doubt": 0.02}, "many": {}}
# Prototypes and rotations of the bank, by dimension; in space 15 degrees apart is too near to
# tell optima from their flanks.
BANKS = {
    2: {"prototypes": 64, "turns": 64},
    3: {"prototypes": 32, "turns": 2048, "distance": 20.0},
}
# What an answer in space gets beyond that: its bank is built once for all examples, that of
# training before every update.
ANSWERS_IN_SPACE = {"fast": {"prototypes": 64, "steps": 10}, "thorough": {"prototypes": 64}}


def resolve(options: SearchOptions, group: Family, *, training: bool = False) -> SearchOptions:
    """`options` with every `None` replaced by the value of its preset.

    Args:
      training: for the search before each update, which spends less in space and with
        learned proposals.

    Raises:
      InputError: more candidates kept than starts, or a method, starts or a family with what
        they cannot do.
    """
    preset = SOURCE if options.preset == "source" else {**OURS, **BANKS[group.d]}
    if options.preset != "source":
        size = "one" if group.size == 1 else "few" if group.size <= FEW else "many"
        preset |= FAST[size] if options.preset == "fast" else THOROUGH[size]
        if group.d == 3 and size == "many" and not training:
            preset |= ANSWERS_IN_SPACE[options.preset]
        if options.learned and options.preset == "fast":
            preset |= LEARNED[size] | (LEARNED_IN_TRAINING[size] if training else {})
    given = {k: v for k, v in dataclasses.asdict(options).items() if v is not None}
    full = SearchOptions(**{**preset, **given})
    if options.keep is None:
        full = dataclasses.replace(full, keep=min(full.keep, full.starts))
    unused = {name: 0 for name in _unused(full) if name not in given}
    full = dataclasses.replace(full, **unused)
    _check(full, group)
    return full


def _unused(full: SearchOptions) -> tuple[str, ...]:
    """What the method has no use for: a preset's value is dropped, a given one refused."""
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
            f"search.learned=true: wants a family that turns, not {group.name}; a pose head "
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
