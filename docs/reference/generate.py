"""Writes the generated pages of the reference: options, command line, numbers of a run.

python docs/reference/generate.py
"""

import dataclasses
import tomllib
from pathlib import Path

from avae_jax.config.fields import wanted, written
from avae_jax.config.flags import parser
from avae_jax.config.help_texts import DETAILS
from avae_jax.config.options import MAY_CHANGE, Options, fields, values
from avae_jax.report.summary import Summary

HERE = Path(__file__).resolve().parent
OPTIONS = f"""# Options

Every option of a config, with its default. `python docs/reference/generate.py` writes this page
from the option list of the program. On the command line `--config.train.steps=200` sets an option;
lists are written `512,512`, switches `true` or `false`. An option of the search with the default
`none` takes its value from the [preset](../understand/presets.md). A work directory keeps its
options; a second run may change only
{", ".join(f"`{name}{'*' * name.endswith('.')}`" for name in MAY_CHANGE)}.
"""
TITLES = {
    "": "The experiment",
    "data": "Data",
    "ranges": "Ranges of the poses",
    "model": "The model",
    "search": "The search",
    "train": "Training",
    "eval": "Evaluation",
    "log": "Logging",
}
COMMAND = """# Command line

`python -m avae_jax.main` has one command with modes. `python docs/reference/generate.py` writes
this page from the flags of the program. [Options](options.md) lists the fields that
flags of the form `--config.train.steps=200` set.

| mode | does | needs |
|---|---|---|
| `train` | train, evaluate, write the report | |
| `evaluate` | evaluate the newest checkpoint, write the report | `--workdir` |
| `align` | align a stack by a trained model | `--workdir`, `--input`, `--output` |
| `fit-align` | train on a stack, then align it | `--input`, `--output` |
| `compare` | write one page about several runs | `--runs` |
| `plan` | compile the train step for other chips | `--topology` |

The command `avae` is the same by a shorter name, with the mode as its first word: `avae train`. The
first of these lines in `~/.bashrc`, or the second in `~/.zshrc` after `compinit`, lets the tab key
complete modes, flags, fields and choices:

```sh
eval "$(avae --print-completion)"
eval "$(avae --print-completion zsh)"
```
"""
SUMMARY = """# Numbers of a run

The groups and keys of `report/summary.json`, which `avae_jax.evaluate` returns as a `Summary` too.
A number that does not apply is `null`.
`python docs/reference/generate.py` writes this page.
"""


def options() -> str:
    """The page of options. Raises `KeyError` where options.toml lacks an option."""
    usage = tomllib.loads((HERE / "options.toml").read_text())
    defaults, parts = values(Options()), [OPTIONS]
    for section, title in TITLES.items():
        rows = [
            (f"`{name}`", f"`{written(defaults[name])}`", unit, field.metadata["help"])
            + (wanted(field), when)
            for name, field in fields().items()
            if name.rpartition(".")[0] == section
            for unit, when in [usage[name]]
        ]
        head = ("option", "default", "unit", "meaning", "holds", "change it when")
        parts.append(f"## {title}\n\n{_table(head, rows)}\n")
    return "\n".join(parts)


def command_line() -> str:
    """The page of flags, in the groups of the parser."""
    parts = [COMMAND]
    for group in parser()._action_groups:
        rows = [
            (f"`{', '.join(action.option_strings)}`", action.metavar or "", str(action.help))
            for action in group._group_actions
        ]
        if rows:
            title = {"options": "Flags"}.get(group.title, group.title.capitalize())
            parts.append(f"## {title}\n\n{_table(('flag', 'takes', 'meaning'), rows)}\n")
    parts.append(f"## Results and exit status\n\n```text\n{DETAILS.strip()}\n```\n")
    return "\n".join(parts)


def summary() -> str:
    """The page of the numbers in summary.json, from the fields of `Summary`."""
    parts = [SUMMARY]
    for group in dataclasses.fields(Summary):
        rows = [
            (f"`{field.name}`", *(field.metadata[key] for key in _ENTRY))
            for field in dataclasses.fields(group.default_factory)
        ]
        head = ("key", "name", "unit", "meaning")
        parts.append(f"## {group.metadata['title']}: `{group.name}`\n\n{_table(head, rows)}\n")
    return "\n".join(parts)


_ENTRY = ("name", "unit", "meaning")
PAGES = {"options.md": options, "command_line.md": command_line, "summary.md": summary}


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page())
