"""The habits that keep the package readable, checked where a machine can."""

import ast
import importlib
import inspect
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import avae_jax
from tests.support import ROOT
from tests.support.syntax import parts, statements, tree_of

PACKAGE = ROOT / "avae_jax"
FILES = sorted(PACKAGE.rglob("*.py"))
LINES_OF_A_FILE, LINES_OF_A_BODY, LEVELS = 250, 40, 3
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)
NUMERICAL = ["transform", "models", "inference"]
# What users write without a name, as in `evaluate(posed, images, labels)`.
BY_PLACE = {"evaluate": ["labels", "workdir"]}


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in statements(tree) if isinstance(node, ast.FunctionDef))


def body_lines(function: ast.FunctionDef) -> int:
    """Lines of the body, without the docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def depth(node: ast.AST) -> int:
    """Blocks within blocks; an `elif` is no deeper than its `if`, a method begins anew."""
    inner = [
        0 if isinstance(child, ast.FunctionDef) and isinstance(node, ast.ClassDef) else depth(child)
        for child in parts(node)
    ]
    chained = isinstance(node, ast.If) and len(node.orelse) == 1
    chained = chained and isinstance(node.orelse[0], ast.If)
    return max(inner, default=0) + (isinstance(node, BLOCKS) and not chained)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_file_and_functions_short(path):
    text, tree = path.read_text(), tree_of(path)
    assert text.isascii()
    assert text.count("\n") <= LINES_OF_A_FILE
    assert path.stem not in ("utils", "common", "helpers", "misc")
    found = list(functions(tree))
    assert not {f.name: lines for f in found if (lines := body_lines(f)) > LINES_OF_A_BODY}
    # The function itself is a level of its own.
    assert not {f.name: levels for f in found if (levels := depth(f) - 1) > LEVELS}


def is_public(function: ast.FunctionDef) -> bool:
    return not function.name.startswith("_")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_docstrings_of_everything_public(path):
    """What is public says what it is."""
    tree = tree_of(path)
    if tree.body:
        assert ast.get_docstring(tree), "the module"
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef) and is_public(node)]
    public += [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    assert not [node.name for node in public if not ast.get_docstring(node)]


def named_by_place(function: Callable) -> list[str]:
    """Parameters with a default that need not be named."""
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.default is not p.empty and p.kind is not p.KEYWORD_ONLY]


@pytest.mark.parametrize("name", NUMERICAL)
def test_defaults_given_by_name(name):
    """What has a default is given by name."""
    for path in (PACKAGE / name).rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
        members = inspect.getmembers(module, inspect.isfunction)
        own = [f for _, f in members if f.__module__ == module.__name__]
        for function in (f for f in own if not f.__name__.startswith("_")):
            assert not named_by_place(function), f"{module.__name__}.{function.__name__}"


def test_defaults_given_by_name_in_the_public_interface():
    """What has a default is given by name in the public interface."""
    public = {name: getattr(avae_jax, name) for name in avae_jax.__all__}
    functions = {name: value for name, value in public.items() if inspect.isfunction(value)}
    found = {name: named_by_place(function) for name, function in functions.items()}
    assert {name: names for name, names in found.items() if names} == BY_PLACE


def test_packages_named_unlike_public_functions():
    """Importing it would take the place of the function."""
    packages = {path.stem for path in PACKAGE.iterdir()}
    assert not packages & set(avae_jax.__all__)


def test_package_has_few_entries():
    """The map is small."""
    entries = [path for path in PACKAGE.iterdir() if path.name[:2] != "__" and path.stem != "py"]
    assert len(entries) <= 13


def test_imports_go_one_way():
    """The contracts stand in pyproject.toml."""
    lint = Path(sysconfig.get_path("scripts")) / "lint-imports"
    result = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.standard
def test_import_of_the_library_is_light():
    """No TensorFlow, no plotting, no data sets: they cost seconds."""
    unwanted = "tensorflow", "tensorflow_datasets", "matplotlib", "sklearn", "orbax"
    names = [f"avae_jax.{name}" for name in NUMERICAL]
    program = (
        f"import sys, avae_jax, {', '.join(names)}\n"
        f"print(*[name for name in {unwanted} if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []


@pytest.mark.standard
def test_argparse_in_the_command_line_alone():
    """Libraries underneath import `absl.flags`; the package itself never does."""
    for path in FILES:
        tree = ast.walk(ast.parse(path.read_text()))
        names = [
            alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names
        ]
        assert "argparse" not in names or path.name in ("main.py", "flags.py")
        assert "absl.flags" not in path.read_text()
