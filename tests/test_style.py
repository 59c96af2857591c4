"""The habits that keep the package readable, checked where a machine can."""

import ast
import importlib
import inspect
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "avae_jax"
FILES = sorted(PACKAGE.rglob("*.py"))
LINES_OF_A_FILE, LINES_OF_A_BODY, LEVELS = 250, 40, 3
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)
NUMERICAL = ["transform", "models", "pose_search", "objective", "likelihood", "train", "posing"]
NUMERICAL += ["laplace", "marginal"]


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def body_lines(function: ast.FunctionDef) -> int:
    """Lines of the body, without the docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def depth(node: ast.AST) -> int:
    """Blocks within blocks; an `elif` is no deeper than its `if`, a method begins anew."""
    inner = [
        0 if isinstance(child, ast.FunctionDef) and isinstance(node, ast.ClassDef) else depth(child)
        for child in ast.iter_child_nodes(node)
    ]
    chained = isinstance(node, ast.If) and len(node.orelse) == 1
    chained = chained and isinstance(node.orelse[0], ast.If)
    return max(inner, default=0) + (isinstance(node, BLOCKS) and not chained)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_short_and_so_are_its_functions(path):
    text = path.read_text()
    tree = ast.parse(text)
    assert text.isascii()
    assert text.count("\n") <= LINES_OF_A_FILE
    assert path.stem not in ("utils", "common", "helpers", "misc")
    long = {f.name: body_lines(f) for f in functions(tree) if body_lines(f) > LINES_OF_A_BODY}
    assert not long
    # The function itself is a level of its own.
    deep = {f.name: depth(f) - 1 for f in functions(tree) if depth(f) - 1 > LEVELS}
    assert not deep


def is_public(function: ast.FunctionDef) -> bool:
    return not function.name.startswith("_")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_what_is_public_says_what_it_is(path):
    tree = ast.parse(path.read_text())
    if tree.body:
        assert ast.get_docstring(tree), "the module"
    public = [node for node in tree.body if isinstance(node, ast.FunctionDef) and is_public(node)]
    public += [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
    assert not [node.name for node in public if not ast.get_docstring(node)]


def modules_of(name: str) -> list[str]:
    path = PACKAGE / name
    if not path.is_dir():
        return [f"avae_jax.{name}"]
    return [f"avae_jax.{name}.{file.stem}" for file in path.glob("*.py")]


@pytest.mark.parametrize("name", NUMERICAL)
def test_what_has_a_default_is_given_by_name(name):
    for module in map(importlib.import_module, modules_of(name)):
        members = inspect.getmembers(module, inspect.isfunction)
        own = [f for _, f in members if f.__module__ == module.__name__]
        for function in (f for f in own if not f.__name__.startswith("_")):
            parameters = inspect.signature(function).parameters.values()
            by_place = [
                p.name
                for p in parameters
                if p.default is not p.empty and p.kind is not p.KEYWORD_ONLY
            ]
            assert not by_place, f"{module.__name__}.{function.__name__}"


def test_imports_go_one_way():
    """The contracts stand in pyproject.toml."""
    lint = Path(sysconfig.get_path("scripts")) / "lint-imports"
    result = subprocess.run(
        [lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_library_imports_alone():
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


def test_only_the_command_line_reads_flags():
    """Libraries underneath import `absl.flags`; the package itself never does."""
    for path in FILES:
        tree = ast.walk(ast.parse(path.read_text()))
        names = [
            alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names
        ]
        assert "argparse" not in names or path.name in ("main.py", "flags.py")
        assert "absl.flags" not in path.read_text()
