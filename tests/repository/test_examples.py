"""The examples in docstrings of public names run as they stand."""

import doctest
import importlib

import pytest

import avae_jax

MODULES = ["avae_jax", *sorted(avae_jax._HOMES)]
FINDER = doctest.DocTestFinder(exclude_empty=True)


def examples_of(name):
    found = FINDER.find(importlib.import_module(name), name)
    return [each for each in found if each.examples]


@pytest.mark.standard
@pytest.mark.usefixtures("for_an_optimiser")
@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_run(name):
    for each in examples_of(name):
        result = doctest.DocTestRunner(verbose=False).run(each)
        assert not result.failed, each.name


def test_the_package_shows_an_example():
    assert examples_of("avae_jax")
