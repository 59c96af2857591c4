"""Where a module can be changed into a wrong one: every change is one expression or statement."""

import ast
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
PAIRS = (
    *(("min", "max"), ("minimum", "maximum"), ("argmin", "argmax"), ("amin", "amax")),
    *(("any", "all"), ("floor", "ceil"), ("cos", "sin"), ("nsmallest", "nlargest")),
)
OPPOSITE = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
# Functions whose arguments may be swapped, or of which every swap ends in an error at once.
SYMMETRIC = {"min", "max", "minimum", "maximum", "hypot", "logical_and", "logical_or", "allclose"}
SYMMETRIC |= {"zip", "isinstance", "getattr", "hasattr", "setattr"}
# Functions of which an argument is an axis.
ALONG = {"sum", "mean", "max", "min", "any", "all", "prod", "argmax", "argmin", "cumsum", "std"}
TEXTS = {"__repr__", "__str__", "__format__"}


class Mutation(NamedTuple):
    """A change of the text between two offsets.

    Attributes:
      line: of the first character, from 1.
      kind: one of sign, operator, comparison, boolean, not, opposite, swap, guard, constant, axis.
    """

    line: int
    kind: str
    start: int
    end: int
    before: str
    after: str

    def applied(self, text: str) -> str:
        """The text of the module after the change."""
        return text[: self.start] + self.after + text[self.end :]


def drawn(text: str, *, seed: int, count: int) -> list[Mutation]:
    """`count` of the mutations of a module, in the order of their lines.

    Without replacement: each time a kind, then a place of this kind. Swaps and constants, of
    which there are most, do not crowd out guards and comparisons.
    """
    chance, kinds = random.Random(seed), {}
    for mutation in mutations(text):
        kinds.setdefault(mutation.kind, []).append(mutation)
    chosen = []
    while kinds and len(chosen) < count:
        left = kinds[kind := chance.choice(sorted(kinds))]
        chosen.append(left.pop(chance.randrange(len(left))))
        if not left:
            del kinds[kind]
    return sorted(chosen)


def mutations(text: str) -> list[Mutation]:
    """All of them, in the order of their lines; `text` is ASCII, as every module here."""
    tree, found = ast.parse(text), {}
    begins = [0]
    for line in text.splitlines(keepends=True):
        begins.append(begins[-1] + len(line))
    for node in code_of(tree):
        for kind, after in changes(node):
            start = begins[node.lineno - 1] + node.col_offset
            end = begins[node.end_lineno - 1] + node.end_col_offset
            change = Mutation(node.lineno, kind, start, end, text[start:end], after)
            found.setdefault(ast.dump(ast.parse(change.applied(text))), change)
    found.pop(ast.dump(tree), None)
    return sorted(found.values())


def code_of(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that decide what is computed: no annotations, messages or formatted texts."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "type_comment"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not is_said(child):
                yield child
                yield from code_of(child)


def is_said(node: ast.AST) -> bool:
    """Whether people read what this part computes, and nothing else does."""
    if isinstance(node, ast.FunctionDef):
        return node.name in TEXTS
    if isinstance(node, ast.Call):
        return name_of(node.func) in ("warn", "print", "TypeVar")
    if isinstance(node, ast.If):
        return name_of(node.test) == "TYPE_CHECKING"
    return isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom)


def name_of(node: ast.AST) -> str:
    """The last part of a dotted name; empty for anything else."""
    return getattr(node, "attr", getattr(node, "id", ""))


def changes(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Kind and new text of every change of a node."""
    for kind_of_node, change in CHANGES:
        if isinstance(node, kind_of_node):
            yield from change(node)


def _with(node: ast.expr, **fields: object) -> str:
    """Text of a node with other fields, in parentheses where what is around could bind it."""
    old = {name: getattr(node, name) for name in node._fields}
    text = ast.unparse(type(node)(**old | fields))
    return text if isinstance(node, ast.Call) else f"({text})"


def _arithmetic(node: ast.BinOp) -> Iterator[tuple[str, str]]:
    if isinstance(node.op, ast.MatMult):
        yield "swap", _with(node, left=node.right, right=node.left)
    elif type(node.op) in OPERATORS:
        yield "operator", _with(node, op=OPERATORS[type(node.op)]())


def _update(node: ast.AugAssign) -> Iterator[tuple[str, str]]:
    if type(node.op) in OPERATORS:
        other = ast.AugAssign(node.target, OPERATORS[type(node.op)](), node.value)
        yield "operator", ast.unparse(other)


def _unary(node: ast.UnaryOp) -> Iterator[tuple[str, str]]:
    if isinstance(node.op, ast.USub):
        yield "sign", f"({ast.unparse(node.operand)})"
    elif isinstance(node.op, ast.Not | ast.Invert):
        yield "not", f"({ast.unparse(node.operand)})"


def _comparison(node: ast.Compare) -> Iterator[tuple[str, str]]:
    for n, op in enumerate(node.ops):
        ops = [*node.ops[:n], COMPARISONS[type(op)](), *node.ops[n + 1 :]]
        yield "comparison", _with(node, ops=ops)


def _boolean(node: ast.BoolOp) -> Iterator[tuple[str, str]]:
    yield "boolean", _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def _call(node: ast.Call) -> Iterator[tuple[str, str]]:
    name, (first, *rest) = name_of(node.func), node.args or [None]
    if name in OPPOSITE:
        field = "attr" if isinstance(node.func, ast.Attribute) else "id"
        other = {name_: getattr(node.func, name_) for name_ in node.func._fields}
        other[field] = OPPOSITE[name]
        yield "opposite", _with(node, func=type(node.func)(**other))
    pair = bool(rest) and not any(isinstance(arg, ast.Starred) for arg in node.args[:2])
    if pair and name not in SYMMETRIC and ast.dump(first) != ast.dump(rest[0]):
        yield "swap", _with(node, args=[rest[0], first, *rest[1:]])
    for n, arg in enumerate(node.args):
        other = _other_axis(arg) if name in ALONG else None
        if other is not None:
            yield "axis", _with(node, args=[*node.args[:n], other, *node.args[n + 1 :]])
    for n, keyword in enumerate(node.keywords):
        other = _other_axis(keyword.value) if keyword.arg == "axis" else None
        if other is not None:
            keywords = [*node.keywords[:n], ast.keyword("axis", other), *node.keywords[n + 1 :]]
            yield "axis", _with(node, keywords=keywords)


def _other_axis(node: ast.expr) -> ast.Constant | None:
    """The last axis for the first, the first for any other; None if `node` is no number."""
    try:
        axis = ast.literal_eval(node)
    except ValueError:
        return None
    return ast.Constant(0 if axis else -1) if type(axis) is int else None


def _guard(node: ast.If) -> Iterator[tuple[str, str]]:
    """A statement that leaves; `elif` and what has an `else` are no guards."""
    if isinstance(node.body[-1], ast.Raise | ast.Return | ast.Continue) and not node.orelse:
        yield "guard", "pass"


def _constant(node: ast.Constant) -> Iterator[tuple[str, str]]:
    if isinstance(node.value, bool):
        yield "constant", str(not node.value)
    elif isinstance(node.value, int):
        yield "constant", str(node.value + 1)
    elif isinstance(node.value, float):
        yield "constant", str(2 * node.value if node.value else 1.0)


CHANGES: tuple[tuple[type, Callable], ...] = (
    (ast.BinOp, _arithmetic),
    (ast.AugAssign, _update),
    (ast.UnaryOp, _unary),
    (ast.Compare, _comparison),
    (ast.BoolOp, _boolean),
    (ast.Call, _call),
    (ast.If, _guard),
    (ast.Constant, _constant),
)
