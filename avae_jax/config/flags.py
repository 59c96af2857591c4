"""Flags of the command line and their help."""

import argparse
import re
from collections.abc import Sequence

from avae_jax import __version__
from avae_jax.config import files
from avae_jax.config.choices import stack_forms
from avae_jax.config.fields import wanted, written
from avae_jax.config.help_texts import DESCRIPTION, DETAILS, PROGRAM, of_command
from avae_jax.config.keywords import field_named
from avae_jax.config.modes import HALVES, METHODS, MODES
from avae_jax.config.options import Options, fields, values
from avae_jax.core.choices import nearest, wanted_instead
from avae_jax.core.errors import InputError

DEFAULT_CONFIG = "digits"

# What people call the devices of --platform.
CALLED = {"cuda": "gpu", "nvidia": "gpu", "rocm": "gpu", "metal": "cpu"}


class Parser(argparse.ArgumentParser):
    """Prints an error as one sentence, without the usage before it."""

    def error(self, message: str):
        self.exit(2, f"avae_jax: {message}{self._hint(message)}, see --help\n")

    def _hint(self, message: str) -> str:
        """What was probably meant, or nothing."""
        unknown = re.match("unrecognized arguments: ([^\\s=]+)(?:[ =]([^-\\s]\\S*))?", message)
        if unknown:
            name, value = unknown[1].removeprefix("--"), f"={unknown[2]}" if unknown[2] else ""
            field = field_named(name)
            if field:
                return f"; did you mean --config.{field}{value}?"
            dotted = [f"--config.{field}" for field in fields() if "." in name]
            return nearest(f"--config.{name}", dotted) or nearest(
                unknown[1], self._option_string_actions
            )
        chosen = re.match("argument --platform: invalid choice: '(.*?)'", message)
        meant = CALLED.get(chosen[1]) if chosen else None
        return f"; {chosen[1]} is --platform {meant}" if chosen and meant else ""


def words_of_command(words: Sequence[str]) -> list[str]:
    """`avae MODE ...` as the flags of `python -m avae_jax.main`.

    Raises:
      InputError: the first word is no mode.
    """
    if not words or words[0].startswith("-"):
        return list(words) or ["--help"]
    if words[0] not in MODES:
        raise InputError(f"avae {words[0]}: {wanted_instead(words[0], MODES)}")
    mode, *rest = words
    if mode == "compare":
        # The work directories stand before the flags.
        count = next((i for i, word in enumerate(rest) if word.startswith("-")), len(rest))
        return ["--mode", mode, *(["--runs"] if count else []), *rest]
    return ["--mode", *words]


def parser(*, usage: str = "") -> argparse.ArgumentParser:
    """The parser of every flag; overrides of the config are taken out before.

    Args:
      usage: of the command, if not that of `python -m avae_jax.main`.
    """
    parser = Parser(
        prog=PROGRAM,
        usage=usage
        or "%(prog)s [--config FILE] [--workdir DIR] [--mode MODE]\n"
        "       [--platform NAME] [--input STACK --output DIR] [--config.path.to.field=value ...]",
        description=of_command(DESCRIPTION) if usage else DESCRIPTION,
        epilog=of_command(DETAILS) if usage else DETAILS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="a config file, or the name of a packaged one: "
        f"{', '.join(files.packaged())} (default: that of the work directory, else "
        f"{DEFAULT_CONFIG})",
    )
    parser.add_argument(
        "--workdir",
        metavar="DIR",
        help="directory of all results (default: runs/NAME of the config)",
    )
    parser.add_argument(
        "--mode",
        choices=MODES,
        default="train",
        help="train: train, evaluate, report; evaluate: evaluate the last checkpoint, report; "
        "align: align a stack to the canonical pose of a trained model; fit-align: train on the "
        "stack first; compare: write one page about several runs; plan: compile for chips that "
        "this machine lacks (default: train)",
    )
    parser.add_argument(
        "--platform",
        choices=("auto", "cpu", "gpu", "tpu"),
        default="auto",
        help="device to compute on; an absent device is an error (default: auto)",
    )
    for add in (_add_what_is_printed, _add_stack_flags, _add_hosts, _add_plan_flags):
        add(parser)
    return parser


def _add_what_is_printed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--list-options", action="store_true", help="list every field and exit")
    parser.add_argument(
        "--print-config", action="store_true", help="print the config with every field and exit"
    )
    parser.add_argument("--version", action="version", version=f"avae_jax {__version__}")
    parser.add_argument(
        "--print-completion",
        choices=("bash", "zsh"),
        nargs="?",
        const="bash",
        help="print a script that completes the command avae in a shell, bash if not said: "
        'eval "$(avae --print-completion)"',
    )


def _add_hosts(parser: argparse.ArgumentParser) -> None:
    hosts = parser.add_argument_group("several processes, the same command in each")
    hosts.add_argument(
        "--multihost",
        action="store_true",
        help="train together with the other processes; the next three flags are "
        "detected automatically on TPU pods and Slurm",
    )
    hosts.add_argument("--coordinator", metavar="HOST:PORT", help="address of process 0")
    hosts.add_argument("--processes", metavar="N", type=int, help="number of processes")
    hosts.add_argument("--process", metavar="K", type=int, help="index of this process, from 0")


def _add_stack_flags(parser: argparse.ArgumentParser) -> None:
    stack = parser.add_argument_group("a stack to align, for the modes align and fit-align")
    stack.add_argument(
        "--input",
        metavar="STACK",
        help=f"a file, one of {', '.join(stack_forms())}; or a folder of images, volumes or meshes",
    )
    stack.add_argument(
        "--output", metavar="DIR", help="directory of the results; of compare, a new file"
    )
    stack.add_argument(
        "--reconstructions",
        action="store_true",
        help="also write the decoded objects in the aligned pose",
    )
    stack.add_argument(
        "--uncertainty",
        action="store_true",
        help="also say in poses.csv how well each pose is known: deviations, and the probability "
        "of a clearly different pose; takes three to four times the time of the search",
    )
    stack.add_argument(
        "--overwrite",
        action="store_true",
        help="delete the unchanged files of an earlier alignment in the output",
    )
    _add_fit_flags(stack)


def _add_fit_flags(stack: argparse._ArgumentGroup) -> None:
    stack.add_argument(
        "--method",
        choices=METHODS,
        help="what finds the poses in fit-align: averages (maximum likelihood over class averages, "
        "for noisy images), model (a VAE), or auto (averages where noise hides the objects and no "
        "option of the model is set; default)",
    )
    stack.add_argument(
        "--classes",
        metavar="K",
        type=int,
        help="number of class averages in fit-align (default: as many as pay for themselves)",
    )
    stack.add_argument(
        "--halves",
        choices=HALVES,
        help="half sets of the class averages, whose correlation says how fine their detail is: "
        "together (aligned to the same averages; default) or apart (each aligned by itself, in "
        "twice the time)",
    )


def _add_plan_flags(parser: argparse.ArgumentParser) -> None:
    compared = parser.add_argument_group("runs to compare, for the mode compare")
    compared.add_argument(
        "--runs",
        metavar="DIR",
        nargs="+",
        help="work directories of two or more runs; --output names the page (default: "
        "comparison.html), `avae compare DIR DIR` is shorter",
    )
    plan = parser.add_argument_group("chips to plan for, for the mode plan")
    plan.add_argument(
        "--topology", metavar="NAME", help="v5e:16x16, v5p:..., v6e:... or cuda:8 (lowered only)"
    )
    plan.add_argument("--json", metavar="FILE", help="also write the numbers to this file")


def list_options() -> str:
    """Every field with its default, its meaning and its allowed values, a line each."""
    defaults = values(Options())
    width = max(map(len, defaults))
    return "\n".join(
        f"{name:{width}}  {written(defaults[name]):10}  {field.metadata['help']} [{wanted(field)}]"
        for name, field in fields().items()
    )
