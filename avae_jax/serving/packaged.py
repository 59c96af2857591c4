"""Models that come with the package, to try it without training."""

from pathlib import Path

from avae_jax.core.choices import wanted_instead
from avae_jax.core.errors import InputError
from avae_jax.serving.posed import Posed

FOLDER = Path(__file__).parent / "weights"


def pretrained(name: str) -> Posed:
    """A model of the package, its weights in 16 bits.

    Args:
      name: `digits`, the model of `configs/digits.py`, which takes digits `[n, 24, 24, 1]` with
        values from 0 to 1.

    Raises:
      InputError: no such model.

    >>> import avae_jax
    >>> avae_jax.pretrained("digits")
    Posed(rotation of 24 x 24 x 1, 8 codes, 433,744 weights, search fast)
    """
    files = {path.stem: path for path in sorted(FOLDER.glob("*.npz"))}
    if name not in files:
        raise InputError(f"pretrained({name!r}): {wanted_instead(name, files)}")
    return Posed.load(files[name])
