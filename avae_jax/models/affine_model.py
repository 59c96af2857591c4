"""An affine VAE: a model, a family of poses, and the frames they act in."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from avae_jax.config.options import RangeOptions
from avae_jax.core.choices import look_up
from avae_jax.core.types import Array
from avae_jax.models.likelihoods import LIKELIHOODS
from avae_jax.models.model import Model
from avae_jax.transform.families import Family
from avae_jax.transform.frame import Frame, extend
from avae_jax.transform.prior import MARGIN
from avae_jax.transform.resample import TAPS
from avae_jax.transform.sampling import reach


class AVAE(NamedTuple):
    """An affine VAE: a model, a family of poses and the frames they act in.

    Attributes:
      inner: frame of an observation, and of the canonical object.
      outer: frame in which the likelihood is measured; holds the support at every pose.
      fill: `[C]`, value outside of an image.
      masked: whether observations may hold NaN at pixels that were not observed. The encoder
        gets `fill` there, and the likelihood leaves them out.

    >>> import avae_jax
    >>> avae = avae_jax.pretrained("digits").trained.avae
    >>> avae.group.name, avae.inner.shape
    ('rotation', (24, 24))
    """

    model: Model
    likelihood: str
    group: Family
    ranges: RangeOptions
    inner: Frame
    outer: Frame
    fill: Array
    interpolation: str
    masked: bool = False


@dataclasses.dataclass(frozen=True)
class ProgramKey:
    """An affine VAE as the key of compiled programs: equal where the same program serves."""

    known: tuple
    avae: AVAE = dataclasses.field(compare=False)

    @classmethod
    def of(cls, avae: AVAE) -> "ProgramKey":
        """The key of `avae`: the bytes of `fill`, the identity of functions, all else as it is.

        Functions of a model trained elsewhere need not be hashable. The key keeps them alive, so
        that no other function gets the identity of one.
        """
        rest = tuple(part for name, part in avae._asdict().items() if name not in ("fill", "model"))
        functions = tuple(map(id, avae.model))
        return cls((*rest, functions, np.asarray(avae.fill).tobytes()), avae)


def affine_vae(
    model: Model,
    inner: Frame,
    fill: Array | np.ndarray,
    *,
    group: Family,
    ranges: RangeOptions = RangeOptions(),
    likelihood: str = "bernoulli",
    interpolation: str = "linear",
) -> AVAE:
    """Combines a model with a family of poses.

    Args:
      inner: frame of the observations.
      fill: `[C]`, value outside of an observation.
      likelihood: an entry of `likelihoods.LIKELIHOODS`: `bernoulli`, `gaussian` or
        `gaussian_learned`.
      interpolation: `linear` or `cubic`.

    Raises:
      InputError: an unknown likelihood or interpolation.

    >>> import jax, numpy as np, avae_jax
    >>> options = avae_jax.ModelOptions(latent=4, hidden=(16,))
    >>> model, params = avae_jax.build_model(jax.random.key(0), (12, 12), 1, options=options)
    >>> frame, family = avae_jax.make_frame((12, 12)), avae_jax.parse_family("rigid", 2)
    >>> avae_jax.affine_vae(model, frame, np.zeros(1), group=family).outer.shape
    (18, 18)
    """
    look_up(LIKELIHOODS, likelihood, "likelihood")
    look_up(TAPS, interpolation, "interpolation")
    outer = extend(inner, *reach(group, ranges, margin=MARGIN))
    outside = jnp.asarray(fill, jnp.float32)
    return AVAE(model, likelihood, group, ranges, inner, outer, outside, interpolation)
