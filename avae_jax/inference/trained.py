"""A trained model with its search."""

from typing import NamedTuple

from avae_jax.config.options import SearchOptions
from avae_jax.core.types import Array, Params
from avae_jax.inference.proposals.template_bank import TemplateBank
from avae_jax.models.affine_model import AVAE


class Trained(NamedTuple):
    """A trained affine VAE: weights, model and family, its search and bank.

    `met: [N, Z]` are recent latent codes, from which a bank for another search is built.

    >>> import avae_jax
    >>> params, avae, search, bank, codes = avae_jax.pretrained("digits").trained
    >>> search.preset, codes.shape[1]
    ('fast', 8)
    """

    params: Params
    avae: AVAE
    search: SearchOptions
    bank: TemplateBank | None
    met: Array
