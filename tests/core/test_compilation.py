"""Tests of `avae_jax.core.compilation`."""

import pytest

from avae_jax.core import compilation


@pytest.mark.parametrize("searches", [True, False])
def test_jit_returns_what_the_function_returns(searches):
    assert compilation.jit(lambda x: 3 * x, searches=searches)(2.0) == 6.0


def test_compiler_options_are_known_to_this_compiler():
    assert compilation.compiler_options() in ({}, compilation.CPU_OPTIONS)
