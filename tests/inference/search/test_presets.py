"""Presets: what they fill in, what they leave alone, what they refuse, what they cost."""

import dataclasses
import itertools

import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.core.errors import InputError
from avae_jax.inference.search import resolve
from avae_jax.inference.search.cost import Effort, effort
from avae_jax.inference.search.presets import PRESETS
from avae_jax.transform import family


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("name", ["rotation", "translation", "affine"])
def test_resolve_leaves_nothing_open(preset, name, d):
    """A preset leaves nothing open."""
    full = resolve(SearchOptions(preset), family(name, d))
    open_ = {name for name, value in dataclasses.asdict(full).items() if value is None}
    # How many pairs fit into memory depends on the images, which a preset does not know.
    assert open_ <= {"chunk"}
    assert full.keep <= full.starts
    assert resolve(full, family(name, d)) == full


def prices(size):
    """Forward passes of each evaluation for `size` parameters, transforms left out."""
    return Effort(values=1, held=1, full=1 + size, reverse=2)


def test_resolve_source_is_the_original_recipe():
    """The source preset is the recipe of the original work."""
    full = resolve(SearchOptions("original"), family("rotation", 2))
    assert (full.kind, full.starts, full.keep, full.steps) == ("random", 32, 8, 20)
    assert (full.method, full.learning_rate, full.distance) == ("adam", 0.03, 0.0)
    assert effort(full.starts, full).cost(prices(1)) == 360


def test_resolve_default_several_times_cheaper():
    """The default preset is several times cheaper."""
    group = family("rotation", 2)
    full = resolve(SearchOptions(), group)
    assert effort(full.starts, full).cost(prices(group.size)) < 360 / 5


def test_resolve_works_more_in_space_than_in_training():
    """An answer in space is worth more than an update."""
    group = family("rotation", 3)
    for preset in ("fast", "thorough"):
        answer, update = (resolve(SearchOptions(preset), group, training=t) for t in (False, True))
        assert answer.prototypes > update.prototypes and answer.steps >= update.steps
        given = dataclasses.replace(update, prototypes=5)
        assert resolve(given, group) == given


def test_resolve_given_options_before_the_preset():
    """What is given goes before the preset."""
    given = SearchOptions(
        "thorough", kind="random", starts=5, keep=3, steps=0, method="adam", learning_rate=0.5
    )
    full = resolve(given, family("rotation", 2))
    filled = {k for k, v in dataclasses.asdict(given).items() if v is None}
    assert dataclasses.replace(full, **dict.fromkeys(filled)) == given
    assert resolve(SearchOptions("original", distance=5.0), family("rotation", 2)).distance == 5.0


def test_resolve_refuses_more_kept_than_started():
    """More kept than started is bad input."""
    with pytest.raises(InputError, match=r"search\.keep=9: at most search\.starts=8"):
        resolve(SearchOptions(starts=8, keep=9), family("rotation", 2))
    assert resolve(SearchOptions(starts=8, keep=8), family("rotation", 2)).keep == 8


@pytest.mark.parametrize(
    "options",
    [
        SearchOptions("original", learned=True),
        SearchOptions(kind="even", learned=True),
        SearchOptions(kind="random", doubt=0.5),
    ],
)
def test_resolve_refuses_bank_options_without_a_bank(options):
    """What only a bank can do is refused without one."""
    named = r"search\.(learned=true|doubt=0\.5): wants search\.kind=bank, not "
    with pytest.raises(InputError, match=named):
        resolve(options, family("rotation", 2))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("translation", {"learned": True}, r"search\.learned=true: .* rotations, not translation;"),
        ("affine", {"method": "line"}, r"search\.method=line: .* one parameter, .* has 6"),
        ("affine", {"doubt": 0.1}, r"search\.doubt=0\.1: search\.method=register has no use"),
        ("rotation", {"method": "adam", "polish": 2}, r"search\.polish=2: search\.method=adam has"),
    ],
)
def test_resolve_refuses_what_a_method_cannot_do(name, options, message):
    """What a method cannot do is refused."""
    with pytest.raises(InputError, match=message):
        resolve(SearchOptions(**options), family(name, 2))


def test_resolve_leaves_out_what_a_method_does_not_use():
    """What a method has no use for is not taken from the preset."""
    group = family("rotation", 2)
    assert resolve(SearchOptions(method="gauss_newton"), group).polish == 0
    assert resolve(SearchOptions(learned=True, method="register"), group).doubt == 0
    assert resolve(SearchOptions(learned=True), group).doubt > 0


@pytest.mark.parametrize("name", ["rotation", "rotation+shift_x", "affine"])
def test_resolve_learned_proposals_search_less_in_training(name):
    """With learned proposals training searches less by the same bank."""
    group = family(name, 2)
    final = resolve(SearchOptions(learned=True), group)
    update = resolve(SearchOptions(learned=True), group, training=True)
    assert update.doubt >= final.doubt and update.polish <= final.polish
    assert dataclasses.replace(update, doubt=final.doubt, polish=final.polish) == final


def test_resolve_searches_less_in_training():
    """Fewer starts of a bank, refined in fewer steps; what is given goes before."""
    both = itertools.product(("rotation", "affine"), ({}, {"every": 16}, {"kind": "bank"}))
    for name, given in both:
        group, options = family(name, 2), SearchOptions(**given)
        final, update = (resolve(options, group, training=t) for t in (False, True))
        assert update.starts < final.starts and update.steps < final.steps and update.keep == 1
        assert resolve(update, group) == update
        assert resolve(dataclasses.replace(options, starts=9), group, training=True).starts == 9
    group = family("rotation", 2)
    # Four even starts would lie 90 degrees apart.
    for same in (SearchOptions(kind="even"), SearchOptions("thorough"), SearchOptions("original")):
        assert resolve(same, group, training=True) == resolve(same, group)
    few = family("rotation+shift_x", 2)
    assert resolve(SearchOptions(), few, training=True) == resolve(SearchOptions(), few)


def test_resolve_keeps_what_is_given_of_fewer_starts():
    """`search.keep` holds in training, whose preset has fewer starts than that of an answer."""
    update = resolve(SearchOptions(keep=7), family("rotation", 2), training=True)
    assert (update.keep, update.starts) == (7, 7)
    with pytest.raises(InputError, match=r"search\.keep=21: at most search\.starts=20"):
        resolve(SearchOptions(keep=21), family("rotation", 2))


def test_resolve_given_options_hold_in_training():
    """What is given holds in training too."""
    given = SearchOptions(learned=True, doubt=0.5, polish=3)
    group = family("rotation", 2)
    assert resolve(given, group, training=True) == resolve(given, group)
