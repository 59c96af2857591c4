"""The mutation command: what it changes, what it leaves alone, and what it says of a tree."""

import ast
import json
from pathlib import Path

import pytest

from tests.mutation import mirror
from tests.mutation.__main__ import main
from tests.mutation.sites import drawn, mutations
from tests.support import ROOT


def changed(text):
    """Every mutant of a module."""
    return [mutation.applied(text) for mutation in mutations(text)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a + b", ["(a - b)"]),
        ("a @ b", ["(b @ a)"]),
        ("-a", ["(a)"]),
        ("not a", ["(a)"]),
        ("a < b <= c", ["(a <= b <= c)", "(a < b < c)"]),
        ("a is None", ["(a is not None)"]),
        ("a and b", ["(a or b)"]),
        ("f(a, b, c)", ["f(b, a, c)"]),
        ("f(*a, b)", []),
        ("f(a, a)", []),
        ("min(a, b)", ["max(a, b)"]),
        ("np.floor(a)", ["np.ceil(a)"]),
        ("a.sum(axis=-1)", ["a.sum(axis=0)", "a.sum(axis=(1))", "a.sum(axis=-2)"]),
        ("a.prod(0)", ["a.prod(-1)", "a.prod(1)"]),
        ("f(0.0, 0.5, True)", ["f(0.5, 0.0, True)", "f(1.0, 0.5, True)"]),
        ("'text'", []),
    ],
)
def test_changes_of_an_expression(before, after):
    found = changed(before)
    assert set(after) <= set(found)
    assert len(found) == len(after) + 2 * ("True" in before)


def test_guards_are_dropped():
    """Not what has an `else`, and no `elif`: without them the rest would be another program."""
    guard = "def f(a):\n    if a:\n        return 1\n    return g\n"
    assert "def f(a):\n    pass\n    return g\n" in changed(guard)
    for text in ("if a:\n    b()\n", "if a:\n    raise b\nelse:\n    c()\n"):
        assert changed(text) == []


def test_what_people_read_is_left_alone():
    text = '''"""Module: 1 + 1."""
import os

def f(a: int | None) -> tuple[int, "1 + 1"]:
    """Adds 1 + 1."""
    if TYPE_CHECKING:
        from b import c
    warn(1 + 1)
    g: dict[str, int | None] = f"{1 + 1}"
    raise InputError(1 + 1, a - 1)

class A:
    def __repr__(self):
        return 1 + 1
'''
    assert changed(text) == []


def test_mutants_of_the_package_are_programs_and_differ():
    text = (ROOT / "avae_jax" / "models" / "likelihoods.py").read_text()
    trees = [ast.dump(ast.parse(mutant)) for mutant in changed(text)]
    assert len({*trees, ast.dump(ast.parse(text))}) == len(trees) + 1 > 50


def test_drawn_by_the_seed_without_replacement():
    text = "if a < b:\n    c = d + 1 + 2 + 3 + 4\n"
    found = mutations(text)
    assert drawn(text, seed=0, count=99) == found
    some = [drawn(text, seed=seed, count=3) for seed in range(20)]
    assert some == [drawn(text, seed=seed, count=3) for seed in range(20)]
    assert all(len(set(one)) == 3 for one in some) and len(set(map(tuple, some))) > 5
    # One comparison among nine: kinds are drawn first.
    assert sum(any(m.kind == "comparison" for m in one) for one in some) > 8


MODULE = """def double(n):
    if n < 0:
        return None
    return n * 2
"""
TESTS = "from avae_jax.small import double\n\ndef test_double():\n    assert double(3) == 6\n"


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A project of one module and one test."""
    for name, text in {
        "avae_jax/__init__.py": "",
        "tests/__init__.py": "",
        "tests/mutation/__init__.py": "",
        "avae_jax/small.py": MODULE,
        "avae_jax/alone.py": MODULE,
        "tests/test_small.py": TESTS,
        "tests/mutation/order.py": (ROOT / "tests" / "mutation" / "order.py").read_text(),
        "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\n',
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(mirror, "ROOT", tmp_path)
    monkeypatch.setattr(mirror, "COPIED", ("avae_jax", "tests", "pyproject.toml"))
    monkeypatch.setattr("tests.mutation.__main__.ROOT", tmp_path)
    return tmp_path


def run(tree, *more):
    said = []
    status = main(["--file", str(tree / "avae_jax" / "small.py"), *more], say=said.append)
    return status, said


@pytest.mark.full
def test_command_tells_noticed_from_surviving(tree):
    """The product is tested, the guard is not; the files of the tree stay as they are."""
    results = tree / "results.json"
    status, said = run(tree, "--seed", "0", "--count", "2", "--json", str(results))
    rows = json.loads(results.read_text())["mutants"]
    assert status == 1 and len(rows) == 2 and len(said) == 4
    assert {row["line"] for row in rows} == {2, 4}
    assert all(row["noticed"] == (row["line"] == 4) for row in rows)
    assert said[-1].startswith("avae_jax/small.py: noticed 1 of 2")
    assert sum("SURVIVED" in line for line in said) == sum(not row["noticed"] for row in rows)
    assert any("noticed by tests/test_small.py::test_double" in line for line in said)
    assert (tree / "avae_jax" / "small.py").read_text() == MODULE


@pytest.mark.full
def test_command_wants_tests_that_pass(tree):
    (tree / "tests" / "test_small.py").write_text(TESTS.replace("6", "7"))
    status, said = run(tree)
    assert status == 2 and "fail without a mutation: tests/test_small.py" in said[-1]
    assert main(["--file", str(tree / "avae_jax" / "alone.py")], say=said.append) == 2
    assert "no test mirrors it" in said[-1]


def test_a_run_past_the_limit_is_noticed(tree, tmp_path_factory):
    copy = mirror.Copy(tmp_path_factory.mktemp("copy"))
    copy.write(Path("avae_jax/small.py"), "import time\ntime.sleep(60)\n" + MODULE)
    outcome = copy.run(["tests/test_small.py"], limit=1)
    assert outcome.by == "time limit" and not outcome.passed and outcome.seconds < 20


@pytest.mark.full
def test_a_test_past_its_own_limit_is_noticed(tree, tmp_path_factory):
    """A test that takes half a minute more than it did is not waited for."""
    copy = mirror.Copy(tmp_path_factory.mktemp("copy"))
    order = Path("tests/mutation/order.py")
    copy.write(order, (copy.root / order).read_text().replace("30 +", "0.1 +"))
    assert copy.run(["tests/test_small.py"], limit=None).passed
    copy.write(
        Path("avae_jax/small.py"),
        MODULE.replace("n < 0", "n > 0").replace("return None", "while 1: pass"),
    )
    outcome = copy.run(["tests/test_small.py"], limit=60)
    assert outcome.by == "time limit" and outcome.seconds < 20


def test_modules_without_a_test_of_their_name_have_others():
    for module, tests in mirror.EXTRA.items():
        assert (ROOT / "avae_jax" / module).exists()
        assert len(mirror.tests_of(Path(module))) >= len(tests)
