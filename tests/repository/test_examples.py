"""The examples in docstrings of public names run as they stand."""

import doctest

import pytest

import avae_jax

FINDER = doctest.DocTestFinder(exclude_empty=True, recurse=False)
EXAMPLES = {
    name: FINDER.find(getattr(avae_jax, name), f"avae_jax.{name}") for name in avae_jax.__all__
}
EXAMPLES["avae_jax"] = FINDER.find(avae_jax, "avae_jax")


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_public_name_has_an_example(name):
    assert [each for each in EXAMPLES[name] if each.examples]


@pytest.fixture
def here(digits, tmp_path, monkeypatch):
    """A folder with a trained run."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "digits").symlink_to(digits[0])
    monkeypatch.chdir(tmp_path)


@pytest.mark.full
@pytest.mark.usefixtures("for_an_optimiser", "here")
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_docstrings_run(name):
    for each in EXAMPLES[name]:
        result = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS).run(each)
        assert not result.failed, each.name
