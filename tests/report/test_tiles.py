"""Tests of `avae_jax.report.tiles`."""

from avae_jax.report.summary import Losses, PoseErrors, SearchCost, Summary
from avae_jax.report.tiles import tiles


def test_tiles_of_numbers_that_apply():
    found = Summary(
        loss=Losses(posed=200.0, posed_search=100.0),
        search=SearchCost(forward_equivalents=41.0, seconds_per_example=0.005),
    )
    loss, cost = tiles(found)
    assert "0.50 times" in loss["note"] and (loss["value"], loss["unit"]) == (100.0, "nats")
    assert "41 forward" in cost["note"] and (cost["value"], cost["unit"]) == (5.0, "ms")
    assert loss["why"] and cost["why"]
    (near,) = tiles(Summary(pose=PoseErrors(within_20=0.87)))
    assert near["value"] == 87.0


def test_tiles_of_nothing_are_nothing():
    assert tiles(Summary()) == []
