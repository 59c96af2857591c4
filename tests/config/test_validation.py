"""Tests of `avae_jax.config.validation`."""

import dataclasses

import numpy as np
import pytest
from ml_collections import ConfigDict

from avae_jax.config import files
from avae_jax.config.options import ModelOptions, Options
from avae_jax.config.validation import check
from avae_jax.core.errors import InputError


def overridden(*overrides):
    return files.to_options(files.apply_overrides(files.to_config(Options()), overrides))


def fault(*overrides):
    with pytest.raises(InputError) as raised:
        overridden(*overrides)
    return str(raised.value)


@pytest.mark.parametrize(
    "override, rule",
    [
        ("seed=true", "an integer"),
        ("seed=1.0", "an integer"),
        ("seed=-1", "at least 0"),
        ("data.size=none", "an integer"),
        ("data.size=3", "0 or at least 4"),
        ("data.scale=0", "above 0.0"),
        ("data.scale=nan", "a finite number"),
        ("data.scale=inf", "a finite number"),
        ("data.fill=middle", "or border"),
        ("data.window=3,1", "two numbers of which the second is larger"),
        ("data.window=3", "two numbers of which the second is larger"),
        ("data.fill=0.1,a", "or border"),
        ("data.fill=2", "from 0 to 1 where model.likelihood is bernoulli"),
        ("data.source=", "one of digits, solids, idx:DIR"),
        ("data.source=idx:", "one of digits"),
        ("data.source=digits:a", "one of digits"),
        ("data.pose=", "one of as_is, random"),
        ("family=rotation+", "several joined by +"),
        ("model.hidden=", "a list of integers"),
        ("model.channels=1.5", "a list of integers"),
        ("train.search=1", "true or false"),
        ("search.starts=0", "at least 1"),
        ("search.kind=odd", "one of bank, even, random, right_angles or none"),
        ("data=3", "a section, set its fields such as data.source"),
        ("data.size.x=3", "no such field, data.size is an integer"),
        ("train.search.steps=3", "no such field"),
        ("data.model.x=3", "no such field"),
        ("keys=3", "no such field"),
        ("=3", "no such field"),
        ("..=3", "no such field"),
    ],
)
def test_check_bad_override_names_the_rule(override, rule):
    name = override.partition("=")[0]
    said = fault(override)
    assert said.startswith(f"bad config: {name}=")
    assert rule in said


def test_check_values_from_files():
    """Values from files obey the same rules."""
    given = ConfigDict(
        {
            "data": {"size": "40", "fill": [0.5, 1]},
            "modle": {},
            "seed": True,
            "model": {"latent": 8.0, "hidden": []},
            "train": {"learning_rate": 10**400, "steps": np.int64(5)},
        }
    )
    with pytest.raises(InputError) as raised:
        files.to_options(given)
    reported = str(raised.value).removeprefix("bad config: ").split("; ")
    names = [text.partition("=")[0] for text in reported]
    assert names == [
        "modle",
        "data.size",
        "model.latent",
        "model.hidden",
        "train.learning_rate",
        "seed",
    ]
    assert "did you mean model?" in reported[0]


def test_check_options_made_in_code():
    """Options made in code obey the same rules."""
    with pytest.raises(InputError, match="search.keep=9: at most search.starts=8"):
        search = dataclasses.replace(Options().search, starts=8, keep=9)
        check(dataclasses.replace(Options(), search=search))
    with pytest.raises(InputError, match=r"ModelOptions\(hidden=512\): a list of integers"):
        ModelOptions(hidden=512)


def test_check_poses_are_remembered_of_examples_that_keep_theirs():
    assert overridden("search.every=16", "data.pose=as_is").search.every == 16
    assert "search.every=16: 1 unless data.pose=as_is" in fault("search.every=16")


def test_check_right_angles_want_whole_rotations():
    """Right angles go with whole rotations alone."""
    assert overridden("ranges.right_angles=true").ranges.right_angles
    for other in ("family=rigid", "ranges.rotation=90"):
        said = fault("ranges.right_angles=true", other)
        assert "ranges.right_angles=True: wants family=rotation and ranges.rotation=180" in said
