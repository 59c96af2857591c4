"""Files of a report, each replaced atomically."""

import json
import pathlib

from avae_jax.core.atomic_files import whole
from avae_jax.core.errors import InputError
from avae_jax.report import page
from avae_jax.report.content import content
from avae_jax.report.findings import Findings


def write(folder: pathlib.Path, findings: Findings) -> None:
    """Writes `index.html` (one self-contained page), `data.json` and `summary.json` into `folder`.

    JSON is strict: numbers that are not finite become `null`. `data.json` holds what the page
    shows, except for pictures.

    Raises:
        InputError: `folder` cannot be created or written.
    """
    folder = pathlib.Path(folder)
    values = content(findings)
    summary = json.dumps(values["summary"], indent=2, allow_nan=False) + "\n"
    contents = {
        "index.html": page.html(findings, values),
        "data.json": json.dumps(values, allow_nan=False) + "\n",
        "summary.json": summary,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            with whole(folder / name) as file:
                file.write(text.encode())
    except OSError as error:
        raise InputError(
            f"report folder {folder}: {error.strerror}; it must be a folder that can be written"
        ) from error
