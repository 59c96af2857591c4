"""The command line: flags in, exit status out.

Nothing heavy is imported before the flags and the config are found sound, so that help
and mistakes answer at once.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from avae_jax import config
from avae_jax.errors import InputError, NumericalError
from avae_jax.field import wanted
from avae_jax.options import MAY_CHANGE, Options, fields, values
from avae_jax.request import ALIGNING, CONFIG, MODEL, request_of, untouched
from avae_jax.workdir import WorkDir

DEFAULT_CONFIG = "digits"
OVERRIDE = "--config."

DESCRIPTION = """\
Trains a variational autoencoder that looks, for every example, for the pose at which it
explains the example best; evaluates it over all poses and writes a report.

Without arguments: the handwritten digits, turned at random, into runs/digits.
"""

DETAILS = f"""\
options of the experiment:
  --config.path.to.field=value   set one field over the config; as often as wanted
  Lists are written 512,512 and switches true or false. A second start in the same work
  directory goes on where the first stopped, and may change only these:
  {", ".join(name + "*" * name.endswith(".") for name in MAY_CHANGE)}

examples:
  python -m avae_jax.main
  python -m avae_jax.main --config configs/solids.py --workdir runs/solids
  python -m avae_jax.main --config digits --config.train.steps=50 --workdir runs/short
  python -m avae_jax.main --config mnist_idx --config.data.source=npz:my.npz --workdir runs/my
  python -m avae_jax.main --mode evaluate --workdir runs/digits
  python -m avae_jax.main --mode align --workdir runs/digits --input mine.npy --output aligned
  python -m avae_jax.main --mode fit-align --input folder_of_images --output aligned

results, in the work directory:
  report/index.html     the page to look at first: pictures and the table
  report/summary.json   the numbers of the table
  metrics.jsonl         training, one line every few updates; tensorboard/ holds the same
  checkpoints/          weights by step; the same command goes on from the last one
  config.json           the config with every field

results of align and fit-align, in the output directory:
  the aligned stack under the name and in the format of the input
  poses.csv             a line an example; latents.npy holds the latent codes
  sheet.png             the picture to look at first

exit status:
  0 done   1 a loss that is not finite, or another failure   2 bad input   130 interrupted
"""


class _Parser(argparse.ArgumentParser):
    """Says a mistake in one sentence, without the usage in front of it."""

    def error(self, message: str):
        self.exit(2, f"avae_jax: {message}, see --help\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    overrides = [text.removeprefix(OVERRIDE) for text in given if text.startswith(OVERRIDE)]
    flags = _parser().parse_args([text for text in given if not text.startswith(OVERRIDE)])
    try:
        if flags.list_options:
            print(list_options())
            return 0
        _run(flags, overrides)
    except (InputError, NumericalError) as error:
        print(f"avae_jax: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    except KeyboardInterrupt:
        print(
            "avae_jax: interrupted, the same command goes on from where it was",
            file=sys.stderr,
        )
        return 130
    return 0


def list_options() -> str:
    """Every field, its default, its meaning and what it holds, a line each."""
    defaults = values(Options())
    width = max(map(len, defaults))
    return "\n".join(
        f"{name:{width}}  {_shown(defaults[name]):10}  {field.metadata['help']} [{wanted(field)}]"
        for name, field in fields().items()
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m avae_jax.main",
        usage="%(prog)s [--config FILE] [--workdir DIR] [--mode MODE]\n"
        "       [--platform NAME] [--input STACK --output DIR] [--config.path.to.field=value ...]",
        description=DESCRIPTION,
        epilog=DETAILS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="a config file, or the name of a packaged one: "
        f"{', '.join(config.packaged())} (default: {DEFAULT_CONFIG}; modes other than train "
        "read the work directory's own)",
    )
    parser.add_argument(
        "--workdir",
        metavar="DIR",
        help="where everything is written (default: runs/NAME of the config)",
    )
    parser.add_argument(
        "--mode",
        choices=("train", "evaluate", *ALIGNING),
        default="train",
        help="train: train, evaluate and report; evaluate: evaluate the last checkpoint and "
        "report; align: bring a stack to the canonical pose of a trained model; fit-align: "
        "train on the stack itself first (default: train)",
    )
    _add_stack_flags(parser)
    parser.add_argument(
        "--platform",
        choices=("auto", "cpu", "gpu", "tpu"),
        default="auto",
        help="where to compute; one that is asked for and absent is an error (default: auto)",
    )
    parser.add_argument(
        "--list-options", action="store_true", help="list every field of a config and exit"
    )
    return parser


def _add_stack_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--input",
        metavar="STACK",
        help="align: npy, npz, IDX, TIFF, HDF5 (FILE:DATASET), MRC or NIfTI file, or a folder",
    )
    parser.add_argument("--output", metavar="DIR", help="align: where the results go")
    parser.add_argument(
        "--reconstructions",
        action="store_true",
        help="align: also write the aligned objects as the model draws them",
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="align: what lies in the output makes way"
    )


def _run(flags: argparse.Namespace, overrides: Sequence[str]) -> None:
    request = request_of(flags.mode, vars(flags))
    fits = flags.mode == "fit-align"
    unnamed = CONFIG if fits else DEFAULT_CONFIG
    name = unnamed if flags.config is None else flags.config
    workdir = request.output / MODEL if fits else Path("runs") / Path(name).stem
    workdir = workdir if flags.workdir is None else Path(flags.workdir)
    if flags.workdir == "":
        raise InputError("--workdir: empty, wanted a directory")
    if flags.config is None and flags.mode in ("evaluate", "align"):
        chosen = config.to_config(WorkDir(workdir).saved_options())
    else:
        chosen = config.load_file(name)
    options = config.to_options(config.apply_overrides(chosen, overrides))
    _use_platform(flags.platform)
    # Imported this late because they bring JAX and all that stands on it.
    if request is not None:
        from avae_jax import aligning

        if fits:
            free = untouched(options, overrides)
            aligning.fit_align(options, workdir, request, untouched=free)
        else:
            aligning.align(options, workdir, request)
        return
    from avae_jax import loop

    modes = {"train": loop.train, "evaluate": loop.evaluate}
    modes[flags.mode](options, workdir)


def _use_platform(name: str) -> None:
    """Makes JAX compute on `name`; `auto` leaves the choice to JAX.

    Raises:
      InputError: JAX finds no such device.
    """
    import jax

    # JAX reads the name gpu as every kind of GPU at once and fails where one is missing.
    # Left to itself it takes the kind that is there before the CPU.
    platforms = {"cpu": "cpu", "gpu": None, "tpu": "tpu,cpu"}
    try:
        if name == "auto":
            jax.devices()
        else:
            jax.config.update("jax_platforms", platforms[name])
            jax.devices(name)
    except (RuntimeError, AssertionError) as error:
        asked = "JAX_PLATFORMS" if name == "auto" else f"--platform {name}"
        raise InputError(
            f"{asked}: no such device on this machine, or JAX is not installed for it"
        ) from error


def _shown(value: object) -> str:
    """`value` as an override writes it."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.exit(main())
