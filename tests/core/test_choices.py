"""Tests of `avae_jax.core.choices`."""

import pytest

from avae_jax.core.choices import look_up, nearest, wanted_instead
from avae_jax.core.errors import InputError

TABLE = {"dense": 1, "conv": 2}


def test_look_up_returns_the_entry():
    assert look_up(TABLE, "conv", "model.name") == 2


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("denze", "model.name='denze': one of dense, conv, did you mean dense?"),
        ("zebra", "model.name='zebra': one of dense, conv"),
        (3, "model.name=3: one of dense, conv"),
        (None, "model.name=None: one of dense, conv"),
    ],
)
def test_look_up_unknown_lists_the_names(name, said):
    with pytest.raises(InputError) as caught:
        look_up(TABLE, name, "model.name")
    assert str(caught.value) == said


def test_wanted_instead_of_one_name_alone():
    assert wanted_instead("x", ["dense"]) == "dense"
    assert nearest("dens", TABLE) == ", did you mean dense?" and nearest(["dens"], TABLE) == ""
