"""Tests of `avae_jax.report.tiles`."""

from avae_jax.report.summary import Losses, PoseErrors, SearchCost, Summary
from avae_jax.report.tiles import tiles


def test_tiles_of_numbers_that_apply():
    found = Summary(
        loss=Losses(posed=200.0, posed_search=100.0),
        search=SearchCost(forward_equivalents=41.0, seconds_per_example=0.005),
    )
    text = tiles(found)
    assert text.count('class="tile"') == 2
    assert "0.50 times" in text and "41 forward" in text and "5.00<small> ms" in text
    assert text.count("<summary") == 2
    assert "87" in tiles(Summary(pose=PoseErrors(within_20=0.87)))


def test_tiles_of_nothing_are_nothing():
    assert tiles(Summary()) == ""
