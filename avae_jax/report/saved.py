"""Reports that earlier runs have written, read again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from avae_jax.core import strict_json
from avae_jax.core.errors import InputError
from avae_jax.report.content import FORMAT


class SavedRun(NamedTuple):
    """A run by the name that the comparison shows, and its `data.json`."""

    name: str
    data: dict[str, Any]

    @property
    def config(self) -> dict[str, str]:
        """Fields and their values, as the command line writes them."""
        pairs = (line.partition("=") for line in self.data["config"])
        return {name: value for name, _, value in pairs}

    def held_out(self, name: str) -> np.ndarray | None:
        """A number of each held-out example `[n]`; None where a run has not measured it."""
        column = (self.data["held_out"] or {}).get(name)
        return None if column is None or None in column else np.array(column, float)


def saved_runs(folders: Sequence[str]) -> list[SavedRun]:
    """The reports of two or more work directories.

    Raises:
      InputError: fewer than two, one given twice, or a work directory without such a report.
    """
    if len(folders) < 2:
        raise InputError(
            f"compare: {len(folders)} work directory, wanted two or more: avae compare RUN RUN"
        )
    paths = [Path(folder) for folder in folders]
    twice = [str(path) for path in paths if paths.count(path) > 1]
    if twice:
        raise InputError(f"compare: {twice[0]} is given twice, wanted different work directories")
    names = [path.resolve().name for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    return [SavedRun(name, _data(path)) for name, path in zip(names, paths, strict=True)]


def _data(folder: Path) -> dict[str, Any]:
    path = folder / "report" / "data.json"
    if not folder.is_dir():
        raise InputError(f"compare: {folder} is no folder, wanted the work directory of a run")
    if not path.is_file():
        raise InputError(f"compare: {path} is missing; avae evaluate --workdir {folder} writes it")
    data = strict_json.read_or_none(path)
    if not isinstance(data, dict) or data.get("format") != FORMAT or "held_out" not in data:
        raise InputError(
            f"compare: {path} is not of format {FORMAT}; avae evaluate --workdir {folder} "
            "writes it anew"
        )
    return data
