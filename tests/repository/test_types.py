"""Types as a checker and an editor see them: the stub, every public name, the package."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import avae_jax

ROOT = Path(avae_jax.__file__).parents[1]
STUB = ROOT / "avae_jax" / "__init__.pyi"


def test_the_stub_holds_the_names_of_the_lazy_table():
    """Each from the module that the table says."""
    imports = [
        node for node in ast.parse(STUB.read_text()).body if isinstance(node, ast.ImportFrom)
    ]
    stubbed = {alias.name: node.module for node in imports for alias in node.names}
    assert stubbed == avae_jax._HOME
    for name, module in stubbed.items():
        assert getattr(avae_jax, name) is getattr(importlib.import_module(module), name)


def test_dir_and_star_import_hold_the_public_names():
    assert set(avae_jax.__all__) < set(dir(avae_jax)) and "__version__" in dir(avae_jax)
    names = {}
    exec("from avae_jax import *", names)
    assert set(avae_jax.__all__) <= set(names)


@pytest.mark.parametrize(
    ("name", "nearest"), [("find_pose", "find_poses"), ("posed", "Posed"), ("zzz", None)]
)
def test_a_misspelt_attribute_names_the_nearest(name, nearest):
    with pytest.raises(AttributeError) as raised:
        getattr(avae_jax, name)
    said = str(raised.value)
    assert said.endswith(f", did you mean {nearest}?" if nearest else f"no attribute '{name}'")


def test_every_public_name_is_used_in_the_file_for_the_checker():
    tree = ast.parse((ROOT / "tests" / "support" / "every_name.py").read_text())
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "av"
    }
    assert set(avae_jax._HOME) <= used


@pytest.mark.full
def test_a_type_checker_passes():
    """Over the package and over the file that uses every public name."""
    pytest.importorskip("mypy", reason="mypy is missing: install the extra `test`")
    run = [sys.executable, "-m", "mypy", "--cache-dir", str(ROOT / ".mypy_cache")]
    checked = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
