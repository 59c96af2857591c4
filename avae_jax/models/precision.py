"""Networks that compute in lower precision than their weights."""

import functools

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from avae_jax.core.types import Decode, Encode, PyTree
from avae_jax.models.model import Model


def in_bfloat16(model: Model) -> Model:
    """`model` with networks that compute in bfloat16, with float32 inputs and outputs.

    Weights stay in float32, and so do their gradients, the objective and the poses.
    """

    encode, decode = (functools.partial(_low, each) for each in (model.encode, model.decode))
    return model._replace(encode=encode, decode=decode)


def _low(function: Encode | Decode, *args: PyTree) -> PyTree:
    return _cast(function(*_cast(args, jnp.bfloat16)), jnp.float32)


def _cast(tree: PyTree, dtype: DTypeLike) -> PyTree:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)
