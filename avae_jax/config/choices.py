"""The names of choices whose tables stand in higher packages, known without importing those.

A choice (a likelihood, a network, a data source) is one entry of one table, beside its
functions. The command line checks names before it loads JAX. Therefore a
`Table` reads the names from the source text of the module. Once the module is loaded, it reads
the table itself, with the entries that a program has added.
"""

import ast
import contextlib
import dataclasses
import functools
import itertools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

PACKAGE = Path(__file__).parents[1]


@dataclasses.dataclass(frozen=True)
class Table:
    """The names of a table `name`, a dict of entries, in the module `module` of the package.

    Attributes:
      module: name without the package, as in `models.likelihoods`.
    """

    module: str
    name: str

    def __iter__(self) -> Iterator[str]:
        loaded = self._loaded()
        return iter(_written(self.module, self.name) if loaded is None else loaded)

    def __contains__(self, key: object) -> bool:
        return key in tuple(self)

    def constant(self, key: str, field: str, default: Any = None) -> Any:
        """The constant value of a `field` in the entry `key`, else `default`."""
        loaded = self._loaded()
        if loaded is not None:
            return getattr(loaded[key], field)
        return _written(self.module, self.name)[key].get(field, default)

    def _loaded(self) -> Mapping[str, Any] | None:
        module = sys.modules.get(f"{PACKAGE.name}.{self.module}")
        # A module that is being imported has no table yet.
        return getattr(module, self.name, None)


@functools.cache
def _written(module: str, name: str) -> Mapping[str, Mapping[str, Any]]:
    """The keys of a table in the source text, and the constants of each entry."""
    path = PACKAGE.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for statement in ast.parse(path.read_bytes()).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Dict):
            continue
        if name in [ast.unparse(target) for target in statement.targets]:
            pairs = zip(statement.value.keys, statement.value.values, strict=True)
            return MappingProxyType({ast.literal_eval(k): _constants(v) for k, v in pairs if k})
    raise LookupError(f"{path}: no table {name}")


def _constants(entry: ast.expr) -> dict[str, Any]:
    """The keyword arguments of an entry that are constants."""
    found: dict[str, Any] = {}
    for keyword in entry.keywords if isinstance(entry, ast.Call) else ():
        with contextlib.suppress(ValueError):
            found[str(keyword.arg)] = ast.literal_eval(keyword.value)
    return found


LIKELIHOODS = Table("models.likelihoods", "LIKELIHOODS")
NETWORKS = Table("models.networks", "NETWORKS")
PRESETS = Table("inference.search.presets", "PRESETS")
SOURCES = Table("data.sources.registry", "SOURCES")
FORMATS = Table("data.formats.registry", "FORMATS")
FAMILIES = Table("transform.families", "FAMILIES")
GENERATORS = Table("transform.families", "GENERATORS")
WRITERS = Table("training.writers", "WRITERS")


def source_forms() -> list[str]:
    """Data sources as written in a config: `digits`, `npz:PATH` and so on."""
    found = {kind: SOURCES.constant(kind, "argument", "") for kind in SOURCES}
    return [f"{kind}:{argument}" if argument else kind for kind, argument in found.items()]


def stack_forms() -> list[str]:
    """Stacks as written on the command line: `npy`, `HDF5 (FILE:DATASET)` and so on."""
    found = {name: FORMATS.constant(name, "choice", "") for name in FORMATS}
    return [f"{name} (FILE:{choice})" if choice else name for name, choice in found.items()]


def generator_names(axes: str) -> tuple[str, ...]:
    """Every generator of poses in the dimensions of these axes (`yx` or `zyx`)."""
    pairs = ["".join(pair) for pair in itertools.combinations(axes, 2)]
    places = {"": [""], "axis": [f"_{axis}" for axis in axes], "plane": [f"_{p}" for p in pairs]}
    return tuple(
        kind + place
        for kind in GENERATORS
        for where in GENERATORS.constant(kind, "where")
        for place in places[where]
    )
