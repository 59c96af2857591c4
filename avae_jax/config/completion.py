"""Completion of the command `avae` in bash and zsh."""

import dataclasses
import re
from typing import Any

from avae_jax.config import files
from avae_jax.config.flags import Parser, parser
from avae_jax.config.modes import MODES, NEEDED, TAKEN
from avae_jax.config.options import fields

COMMON = ("help", "config", "workdir", "platform", "print_config")
FOLDERS, FILES = ("workdir", "output"), ("input", "json")
# The generated function knows `--flag value` alone. Bash takes `--config.field=value` apart at the
# equals sign, which is left out for it; names of fields get theirs back.
EQUALS = """
_avae() {
  local words=("${COMP_WORDS[@]}") at=$COMP_CWORD kept=() place i
  for ((i = 0; i < ${#words[@]}; i++)); do
    ((i == at)) && place=${#kept[@]}
    if [[ ${words[i]} != "=" ]]; then kept+=("${words[i]}"); elif ((i == at)); then kept+=(""); fi
  done
  local COMP_WORDS=("${kept[@]}") COMP_CWORD=$place
  _shtab_avae
  for i in "${!COMPREPLY[@]}"; do
    [[ ${COMPREPLY[i]} == --config.* ]] && COMPREPLY[i]+="=" && compopt -o nospace 2>/dev/null
  done
  return 0
}
complete -o bashdefault -F _avae avae"""


def completion(shell: str) -> str:
    """A script for `bash` or `zsh`: modes, flags, fields of a config and values of choices."""
    # Imported for this alone.
    import shtab

    known = {action.dest: action for action in parser()._actions}
    command = Parser(prog="avae", add_help=False)
    modes = command.add_subparsers()
    for mode in MODES:
        one = modes.add_parser(mode, help=mode, add_help=False)
        for name in (*COMMON, *NEEDED.get(mode, ()), *TAKEN.get(mode, ())):
            action: Any = one._add_action(known[name])
            if name in (*FOLDERS, *FILES):
                action.complete = shtab.DIRECTORY if name in FOLDERS else shtab.FILE
            elif name == "config":
                action.choices = list(files.packaged())
        for name, field in fields().items():
            one.add_argument(f"--config.{name}", choices=_values(field))
    script = shtab.complete(command, shell)
    return SHELLS[shell](script)


def _zsh_equals(script: str) -> str:
    """The script with `--config.field=value` as the only form of an override."""
    return re.sub(r'^(  "--config\.[^\[]+)\[', r"\1=-[", script, flags=re.MULTILINE)


# What becomes of the generated script of each shell.
SHELLS = {"bash": lambda script: script + EQUALS, "zsh": _zsh_equals}


def _values(field: dataclasses.Field) -> list[str] | None:
    """The values of a field that are few."""
    if field.type is bool:
        return ["true", "false"]
    return list(field.metadata["choices"] or ()) or None
