"""Models that come with the package, to try it without training."""

import functools
from pathlib import Path

from avae_jax.core.choices import wanted_instead
from avae_jax.core.errors import InputError
from avae_jax.serving.posed import Posed

FOLDER = Path(__file__).parent / "weights"


def pretrained(name: str) -> Posed:
    """A model of the package, its weights in 16 bits; a second call returns the same object.

    Args:
      name: `digits`, the model of `configs/digits.py`, which takes digits `[n, 24, 24, 1]`, or
        `chairs`, that of `configs/modelnet10.py` with narrower layers, which takes volumes
        `[n, 16, 16, 16, 1]`; values from 0 to 1. `docs/project/measurements.md` has the data
        that they were trained on and their losses on held-out data.

    Raises:
      InputError: no such model.

    >>> import avae_jax
    >>> avae_jax.pretrained("digits")
    Posed(rotation of 24 x 24 x 1, 8 codes, 433,744 weights, search fast)
    >>> avae_jax.pretrained("chairs")
    Posed(rotation of 16 x 16 x 16 x 1, 8 codes, 949,840 weights, search fast)
    """
    files = {path.stem: path for path in sorted(FOLDER.glob("*.npz"))}
    if name not in files:
        raise InputError(f"pretrained({name!r}): {wanted_instead(name, files)}")
    return _loaded(files[name])


@functools.cache
def _loaded(path: Path) -> Posed:
    return Posed.load(path)
