"""Presets: what they fill in, what they leave alone, what they refuse, what they cost."""

import dataclasses

import pytest

from avae_jax.config.options import SearchOptions
from avae_jax.core.errors import InputError
from avae_jax.inference.search import resolve
from avae_jax.inference.search.cost import effort, prices
from avae_jax.inference.search.presets import PRESETS
from avae_jax.transform import family


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("name", ["rotation", "translation", "affine"])
def test_a_preset_leaves_nothing_open(preset, name, d):
    full = resolve(SearchOptions(preset), family(name, d))
    open_ = {name for name, value in dataclasses.asdict(full).items() if value is None}
    # How many pairs fit into memory depends on the images, which a preset does not know.
    assert open_ <= {"chunk"}
    assert full.keep <= full.starts
    assert resolve(full, family(name, d)) == full


def test_the_source_preset_is_the_recipe_of_the_original_work():
    full = resolve(SearchOptions("original"), family("rotation", 2))
    assert (full.kind, full.starts, full.keep, full.steps) == ("random", 32, 8, 20)
    assert (full.method, full.learning_rate, full.distance) == ("adam", 0.03, 0.0)
    assert effort(full.starts, full).cost(prices(1)) == 360


def test_the_default_preset_is_several_times_cheaper():
    group = family("rotation", 2)
    full = resolve(SearchOptions(), group)
    assert effort(full.starts, full).cost(prices(group.size)) < 360 / 5


def test_an_answer_in_space_is_worth_more_than_an_update():
    group = family("rotation", 3)
    for preset in ("fast", "thorough"):
        answer, update = (resolve(SearchOptions(preset), group, training=t) for t in (False, True))
        assert answer.prototypes > update.prototypes and answer.steps >= update.steps
        given = dataclasses.replace(update, prototypes=5)
        assert resolve(given, group) == given


def test_what_is_given_goes_before_the_preset():
    given = SearchOptions(
        "thorough", kind="random", starts=5, keep=3, steps=0, method="adam", learning_rate=0.5
    )
    full = resolve(given, family("rotation", 2))
    filled = {k for k, v in dataclasses.asdict(given).items() if v is None}
    assert dataclasses.replace(full, **dict.fromkeys(filled)) == given
    assert resolve(SearchOptions("original", distance=5.0), family("rotation", 2)).distance == 5.0


def test_more_kept_than_started_is_bad_input():
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
def test_what_only_a_bank_can_do_is_refused_without_one(options):
    named = r"search\.(learned=true|doubt=0\.5): wants search\.kind=bank, not "
    with pytest.raises(InputError, match=named):
        resolve(options, family("rotation", 2))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("affine", {"method": "line"}, r"search\.method=line: .* one parameter, .* has 6"),
        ("affine", {"doubt": 0.1}, r"search\.doubt=0\.1: search\.method=register has no use"),
        ("rotation", {"method": "adam", "polish": 2}, r"search\.polish=2: search\.method=adam has"),
    ],
)
def test_what_a_method_cannot_do_is_refused(name, options, message):
    with pytest.raises(InputError, match=message):
        resolve(SearchOptions(**options), family(name, 2))


def test_what_a_method_has_no_use_for_is_not_taken_from_the_preset():
    group = family("rotation", 2)
    assert resolve(SearchOptions(method="gauss_newton"), group).polish == 0
    assert resolve(SearchOptions(learned=True, method="register"), group).doubt == 0
    assert resolve(SearchOptions(learned=True), group).doubt > 0


@pytest.mark.parametrize("name", ["rotation", "rotation+shift_x", "affine"])
def test_with_learned_proposals_training_searches_less_by_the_same_bank(name):
    group = family(name, 2)
    final = resolve(SearchOptions(learned=True), group)
    update = resolve(SearchOptions(learned=True), group, training=True)
    assert update.doubt >= final.doubt and update.polish <= final.polish
    assert dataclasses.replace(update, doubt=final.doubt, polish=final.polish) == final
    assert resolve(SearchOptions(), group, training=True) == resolve(SearchOptions(), group)


def test_what_is_given_holds_in_training_too():
    given = SearchOptions(learned=True, doubt=0.5, polish=3)
    group = family("rotation", 2)
    assert resolve(given, group, training=True) == resolve(given, group)


@pytest.mark.parametrize(
    ("options", "cost"),
    [
        # Starts, then for each one kept: a value and P tangents a step, and a last value.
        (SearchOptions(starts=32, keep=2, steps=5, method="gauss_newton"), 32 + 2 * (5 * 4 + 1)),
        # A value and its reverse gradient count two.
        (SearchOptions(starts=10, keep=3, steps=4, method="adam"), 10 + 3 * (2 * 4 + 1)),
        (SearchOptions(starts=10, keep=3, steps=0, method="adam"), 10),
        (SearchOptions(starts=4, keep=8, steps=1, method="adam"), 4 + 4 * 3),
        # While the explanation is held a step costs one: 16, then 8, 4, 2 and 2 candidates.
        (SearchOptions(starts=16, keep=2, steps=4, polish=0, method="register"), 16 + 16),
        (SearchOptions(starts=16, keep=2, steps=4, polish=3, method="register"), 32 + 2 * 13),
        (SearchOptions(starts=16, keep=2, steps=0, polish=0, method="register"), 16),
        (SearchOptions(starts=4, keep=8, steps=2, polish=0, method="register"), 4 + 4 + 4),
        # Both sides twice, then three parabolas.
        (SearchOptions(starts=6, keep=2, steps=2, polish=3, method="line"), 6 + 2 * 7),
    ],
)
def test_the_cost_counts_forward_passes(options, cost):
    assert effort(options.starts, options).cost(prices(3)) == cost
