"""Texts of the help of the command line, and of the command `avae`."""

from avae_jax.config.modes import MODES
from avae_jax.config.options import MAY_CHANGE

PROGRAM = "python -m avae_jax.main"
DESCRIPTION = """\
Trains a variational autoencoder with a search for the pose at which it explains each
example best, evaluates it over all poses and writes a report.

Without arguments: handwritten digits, each rotated by an unknown angle, into runs/digits.
"""

DETAILS = f"""\
options of the experiment:
  --config.path.to.field=value   set one field of the config; may be repeated
  Lists are written 512,512 and switches true or false. A second start in the same work
  directory continues the first one, and may change only these fields:
  {", ".join(name + "*" * name.endswith(".") for name in MAY_CHANGE)}

examples:
  python -m avae_jax.main
  python -m avae_jax.main --config configs/solids.py --workdir runs/solids
  python -m avae_jax.main --config digits --config.train.steps=50 --workdir runs/short
  python -m avae_jax.main --config mnist_idx --config.data.source=npz:my.npz --workdir runs/my
  python -m avae_jax.main --mode evaluate --workdir runs/digits
  python -m avae_jax.main --config mnist --workdir /shared/mnist --multihost     (on every host)
  python -m avae_jax.main --mode align --workdir runs/digits --input mine.npy --output aligned
  python -m avae_jax.main --mode fit-align --input folder_of_images --output aligned
  python -m avae_jax.main --mode compare --runs runs/digits runs/my --output comparison.html
  python -m avae_jax.main --mode plan --config mnist --topology v5e:16x16

results, in the work directory:
  report/index.html     the page to look at first: pictures and the table
  report/summary.json   the numbers of the table
  metrics.jsonl         training, one line every few updates; tensorboard/ holds the same
                        and pictures, log.writers has other services
  checkpoints/          weights by step; the same command continues from the last one
  config.json           the config with every field

results of align and fit-align, in the output directory:
  the aligned stack, with the name and format of the input
  poses.csv             one line an example (and poses.star for MRC files); latents.npy has
                        the latent codes
  index.html            the page to look at first; sheet.png is its picture

exit status:
  0 done   1 a loss that is not finite, or another failure   2 bad input   130 after Ctrl-C
  143 after SIGTERM; training saves before 130 and 143, and the same command continues
"""

COMMAND_USAGE = f"""\
avae {{{"|".join(MODES)}}} [--config FILE] [--workdir DIR]
       [--platform NAME] [--input STACK --output DIR] [--config.path.to.field=value ...]"""


def of_command(text: str) -> str:
    """A text of the help in the words of `avae`, whose mode comes first."""
    text = text.replace(f"{PROGRAM} --mode ", "avae ").replace(PROGRAM, "avae train")
    return text.replace("compare --runs", "compare").replace(
        "Without arguments", "`avae train` alone"
    )
