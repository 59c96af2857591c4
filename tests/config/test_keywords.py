"""Tests of `avae_jax.config.keywords`."""

import pytest

from avae_jax.config.keywords import untouched_by, with_keywords
from avae_jax.config.options import ModelOptions, Options, TrainOptions
from avae_jax.core.errors import InputError


def test_keywords_by_class_by_name_and_by_section():
    given = {"model": ModelOptions(latent=4), "batch_size": 16, "ranges__scale": 1.2, "seed": 3}
    options, named = with_keywords(Options(), given)
    assert options.model.latent == 4 and options.train.batch_size == 16
    assert options.ranges.scale == 1.2 and options.seed == 3
    assert named == {"model.latent", "train.batch_size", "ranges.scale", "seed"}
    assert "model.latent" not in untouched_by(named) and "data.window" in untouched_by(named)


def test_keywords_of_a_class_leave_its_defaults_alone():
    begun = Options(train=TrainOptions(steps=7))
    options, named = with_keywords(begun, {"train": TrainOptions(batch_size=9)})
    assert (options.train.steps, options.train.batch_size) == (7, 9)
    assert named == {"train.batch_size"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"latnet": 4}, "latnet: no such option.*did you mean latent"),
        ({"model": 4}, r"model=4: wanted avae_jax.ModelOptions\(...\)"),
        ({"latent": 0}, "model.latent=0: .*at least 1"),
        ({"model__name": "dens"}, "model.name='dens': one of .*did you mean dense"),
    ],
)
def test_keywords_that_mean_nothing_are_refused(given, said):
    with pytest.raises(InputError, match=said):
        with_keywords(Options(), given)
