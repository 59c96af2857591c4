"""The pages of the reference hold what the program has: options, flags, numbers, public names."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

import avae_jax
from avae_jax.config.options import fields

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
spec = importlib.util.spec_from_file_location("generate", REFERENCE / "generate.py")
generate = importlib.util.module_from_spec(spec)
spec.loader.exec_module(generate)


@pytest.mark.parametrize("name", generate.PAGES)
def test_a_generated_page_is_what_the_program_gives(name):
    """Otherwise: python docs/reference/generate.py"""
    assert (REFERENCE / name).read_text() == generate.PAGES[name]()


def test_options_toml_has_every_option_and_no_other():
    assert tomllib.loads((REFERENCE / "options.toml").read_text()).keys() == fields().keys()


@pytest.mark.parametrize("name", avae_jax.__all__)
def test_api_page_has_a_public_name_and_uses_it_in_its_code(name):
    page = (REFERENCE / "api.md").read_text()
    assert re.search(rf"auto(class|function):: avae_jax\.{name}$", page, re.MULTILINE)
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    assert re.search(rf"avae_jax\.{name}\b", code)
