"""Tests of `avae_jax.report.summary`."""

import dataclasses

from avae_jax.report.summary import FORMAT, Losses, Summary


def test_summary_numbers_have_a_name_and_are_absent_by_default():
    for group in dataclasses.fields(Summary):
        assert group.metadata["title"]
        for field in dataclasses.fields(getattr(Summary(), group.name)):
            assert field.default is None and field.metadata["name"]


def test_to_dict_holds_the_format_and_every_group():
    found = Summary(loss=Losses(posed=3.0)).to_dict()
    assert found["format"] == FORMAT and found["loss"]["posed"] == 3.0
    assert set(found) == {"format", *(group.name for group in dataclasses.fields(Summary))}
