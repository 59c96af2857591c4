"""Tests of `avae_jax.config.options`."""

import pytest

from avae_jax.config import files
from avae_jax.config.choices import FAMILIES
from avae_jax.config.choices import generator_names as written_names
from avae_jax.config.options import MAY_CHANGE, Options, fields, values
from avae_jax.transform.families import generator_names


def overridden(*overrides):
    return files.to_options(files.apply_overrides(files.to_config(Options()), overrides))


def test_fields_have_help_and_a_typed_default():
    """Every field has help and a default of its own type."""
    assert all(field.metadata["help"] for field in fields().values())
    assert list(fields()) == list(values(Options()))


@pytest.mark.parametrize("d", [2, 3])
def test_generators_are_families(d):
    """Every generator is a family."""
    names = generator_names(d)
    assert set(names) <= set(written_names("zyx"))
    for name in (*FAMILIES, *names, "+".join(names)):
        assert overridden(f"family={name}").family == name


def test_may_change_names_exist():
    """What may change exists."""
    for name in MAY_CHANGE:
        assert any(field == name or field.startswith(name) for field in fields())


def test_seed_is_zero_unless_asked():
    assert Options().seed == 0
