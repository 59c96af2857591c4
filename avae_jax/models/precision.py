"""Networks that compute in fewer bits than their weights have."""

import jax
import jax.numpy as jnp

from avae_jax.core.types import PyTree
from avae_jax.models.model import Model


def in_bfloat16(model: Model) -> Model:
    """`model` with networks that compute in bfloat16, from float32 and to float32.

    Weights stay in float32, and so do their gradients, the objective and the poses.
    """

    def low(tree: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), tree)

    def full(tree: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), tree)

    return model._replace(
        encode=lambda params, x: full(model.encode(low(params), low(x))),
        decode=lambda params, z: full(model.decode(low(params), low(z))),
    )
