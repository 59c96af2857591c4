"""Syntax trees of the sources, which several tests look at."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """The tree of a file, which no test changes."""
    return ast.parse(path.read_text())


def parts(node: ast.AST) -> Iterator[ast.AST]:
    """What lies directly in a node but expressions, which hold no statement."""
    return (one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr))


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """The node and all that lies in it but expressions: a tenth of the whole."""
    yield node
    for one in parts(node):
        yield from statements(one)
