"""Tests of `avae_jax.data.sources.registry`."""

import pytest

from avae_jax.config.options import DataOptions
from avae_jax.core.errors import InputError
from avae_jax.data import load


@pytest.mark.parametrize(
    "source",
    [
        "digit",
        "",
        "digits:",
        "solids:3",
        "idx:",
        "npz:",
        "npy",
        "folder:",
        "tfds:",
        "http://x",
        ":",
    ],
)
def test_open_source_unknown_lists_the_known(source):
    """An unknown source lists the known ones."""
    with pytest.raises(InputError, match="digits, solids, idx:DIR, npz:PATH"):
        load(DataOptions(source=source), seed=0)


@pytest.mark.parametrize("kind", ["idx", "npz", "npy", "folder"])
def test_open_source_missing_path_named(tmp_path, kind):
    with pytest.raises(InputError, match="nothing_here.*no such"):
        load(DataOptions(source=f"{kind}:{tmp_path}/nothing_here"), seed=0)
