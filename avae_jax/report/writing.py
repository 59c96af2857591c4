"""Files of a report, each replaced atomically."""

import json
import pathlib

from avae_jax.core.atomic_files import whole
from avae_jax.core.errors import InputError
from avae_jax.report import page
from avae_jax.report.findings import Findings
from avae_jax.report.text import strict


def write(folder: pathlib.Path, findings: Findings) -> None:
    """Writes `index.html` (one self-contained page) and `summary.json` into `folder`.

    The summary is strict JSON: numbers that are not finite become `null`.

    Raises:
        InputError: `folder` cannot be created or written.
    """
    folder = pathlib.Path(folder)
    summary = json.dumps(strict(findings.summary.to_dict()), indent=2, allow_nan=False) + "\n"
    contents = {"index.html": page.html(findings), "summary.json": summary}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            with whole(folder / name) as file:
                file.write(text.encode())
    except OSError as error:
        raise InputError(
            f"report folder {folder}: {error.strerror}; it must be a folder that can be written"
        ) from error
