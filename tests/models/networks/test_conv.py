"""Tests of `avae_jax.models.networks.conv`."""

from avae_jax.models.networks.conv import padded


def test_padded_to_sides_that_halve():
    """Sides are padded to what halves."""
    assert padded((9, 8, 1), 2) == (12, 8, 4)
