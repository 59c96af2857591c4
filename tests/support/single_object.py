"""An object without symmetry, and a model that draws it, for tests of the bank and the head."""

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import RangeOptions
from avae_jax.models import wrap
from avae_jax.models.affine_model import AVAE, affine_vae
from avae_jax.transform.families import family
from avae_jax.transform.frame import coordinates, frame

RANGES = RangeOptions(shift=0.1, scale=1.3, shear=0.3)
FILL = np.zeros(1, np.float32)


def blobs(shape: tuple[int, ...]) -> np.ndarray:
    """An object without symmetry, smooth, well inside of its frame."""
    points = coordinates(frame(shape))
    d = len(shape)
    image = np.zeros(shape, np.float32)
    for axis, (place, width, height) in enumerate(
        [(0.3, 0.14, 1.0), (-0.35, 0.1, 0.8), (0.15, 0.08, 0.6)][:d]
    ):
        centre = np.eye(d)[axis] * place
        image += height * np.exp(-((points - centre) ** 2).sum(-1) / (2 * width**2))
    return np.clip(image, 0, 1)[..., None]


def drawing(image: np.ndarray, name: str) -> tuple[AVAE, dict[str, jax.Array]]:
    """A model that draws `image` whatever it sees, in the family `name`, and its weights."""
    model = wrap(
        lambda params, x: (x.reshape(-1)[:2], jnp.zeros(2)), lambda params, z: params["image"]
    )
    shape = image.shape[:-1]
    group = family(name, len(shape))
    avae = affine_vae(model, frame(shape), FILL, group=group, ranges=RANGES)
    return avae, {"image": jnp.asarray(image)}
