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
    "polish": 0,
    "learning_rate": 0.03,
    "distance": 0.0,
    "learned": False,
    "widen": 0,
    "doubt": 1.0,
    "prototypes": 1,
    "turns": 1,
}
OURS = {
    "kind": "bank",
    "method": "register",
    "learning_rate": 0.03,
    "distance": 15.0,
    "learned": False,
    "widen": 0,
    "doubt": 0.05,
}
# Full Gauss-Newton steps cost 1 + P forward passes: worth it for few parameters only, for
# which registering first ended a tenth of a nat higher (docs/plan.md).
FEW = 2
FAST = {
    "few": {"method": "gauss_newton", "starts": 8, "keep": 2, "steps": 4, "polish": 0},
    "many": {"starts": 8, "keep": 1, "steps": 8, "polish": 0},
}
THOROUGH = {
    "few": {"starts": 16, "keep": 2, "steps": 3, "polish": 3},
    "many": {"starts": 16, "keep": 2, "steps": 9, "polish": 1},
}
# A head ranks so well that fewer starts need scoring.
LEARNED_FEW = {"method": "register", "starts": 5, "keep": 1, "steps": 1, "polish": 2, "widen": 12}
# Prototypes and rotations of the bank, by dimension.
BANKS = {2: {"prototypes": 64, "turns": 64}, 3: {"prototypes": 16, "turns": 2048}}


def resolve(options: SearchOptions, group: Family) -> SearchOptions:
    """`options` with every `None` replaced by the value of its preset.

    Raises:
      InputError: more candidates kept than starts, or what only a bank can do without one.
    """
    preset = SOURCE if options.preset == "source" else {**OURS, **BANKS[group.d]}
    if options.preset != "source":
        few = "few" if group.size <= FEW else "many"
        preset |= FAST[few] if options.preset == "fast" else THOROUGH[few]
        if options.preset == "fast" and options.learned and few == "few":
            preset |= LEARNED_FEW
    given = {k: v for k, v in dataclasses.asdict(options).items() if v is not None}
    full = SearchOptions(**{**preset, **given})
    if options.keep is None:
        full = dataclasses.replace(full, keep=min(full.keep, full.starts))
    if full.keep > full.starts:
        raise InputError(f"search.keep={full.keep}: at most search.starts={full.starts}")
    if (full.learned or full.widen) and full.kind != "bank":
        raise InputError(
            f"search.learned={full.learned}, search.widen={full.widen}: want search.kind=bank, "
            f"not {full.kind}"
        )
    return full
