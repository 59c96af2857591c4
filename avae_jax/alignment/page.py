"""`index.html` and `data.json` of an alignment: what was found, over the user's own examples."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from avae_jax.alignment.example_map import map_words
from avae_jax.alignment.job import Work
from avae_jax.config import files
from avae_jax.report import Atlas, folder
from avae_jax.report.table import flat

NAMES = ("index.html", "data.json")
# Columns of poses.csv that the page leaves out.
HIDDEN = ("index", "align_", "quaternion_")


def write(
    place: Path,
    work: Work,
    sections: Iterable[folder.Section],
    rows: Iterable[dict[str, Any]],
    result: dict[str, Any],
    atlas: Atlas,
) -> None:
    """Writes the page of an alignment, and what it shows as data.

    Args:
      place: the folder of the results.
      sections: examples before and after.
      rows: blocks of the columns of poses.csv.
      result: the numbers of the alignment.
      atlas: a sample of the examples.
    """
    page = folder.Alignment(
        title=f"{work.stack.path.name}, aligned",
        verdict=_verdict(result, averaged=work.known is not None),
        facts=_facts(work),
        sections=tuple(sections),
        table=_table(rows),
        count=result["examples"],
        options=tuple(f"{name}={value}" for name, value in _options(work).items()),
        atlas=atlas,
        words=map_words(work),
    )
    for name, text in folder.files(page).items():
        (place / name).write_text(text, encoding="utf-8")


def _verdict(result: dict[str, Any], *, averaged: bool) -> str:
    count, doubtful = result["examples"], result["doubtful"]
    # Losses of averages are densities of standardised noise, which say nothing to a reader.
    fell = (
        ""
        if averaged
        else f"; the mean loss fell from {result['loss_before_nats']:.1f} to "
        f"{result['loss_after_nats']:.1f} nats"
    )
    sure = (
        "No pose is doubtful."
        if not doubtful
        else f"{doubtful:,} {'pose is' if doubtful == 1 else 'poses are'} doubtful "
        f"({doubtful / count:.1%}): another pose explains the "
        "example nearly as well."
    )
    return f"{count:,} examples were aligned{fell}. {sure}"


def _facts(work: Work) -> tuple[str, ...]:
    options = work.options
    if work.known:
        return (
            "Poses are rotations and shifts, found by maximum likelihood over class averages. "
            "--classes sets the number of classes, --method model trains a VAE instead.",
        )
    return (
        f"Poses are of the family {options.family}, found by a VAE with likelihood "
        f"{options.model.likelihood} and search {options.search.preset}. Every option below can "
        "be changed, such as --config.family=rigid.",
    )


def _table(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Columns of the first rows, at most `folder.MOST`."""
    kept: dict[str, list] = {}
    count = 0
    for block in rows:
        room = folder.MOST - count
        if room <= 0:
            break
        for name, column in block.items():
            if not name.startswith(HIDDEN):
                kept.setdefault(name, []).append(np.asarray(column)[:room])
        count += len(block["index"])
    return {name: np.concatenate(parts) for name, parts in kept.items()}


def _options(work: Work) -> dict[str, Any]:
    return flat(files.to_dict(work.options))
