"""The train state, and the bank of its recent latent codes."""

import dataclasses
from typing import Any

import flax.struct
import jax.numpy as jnp
import optax

from avae_jax.config.options import SearchOptions
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.find_poses import build_bank
from avae_jax.inference.proposals.head_training import Head
from avae_jax.inference.proposals.template_bank import TemplateBank
from avae_jax.models.affine_model import AVAE
from avae_jax.training.remembered import Visited


class TrainState(flax.struct.PyTreeNode):
    """Everything that training changes, and the random key.

    `met: [N, Z]` are recent latent codes, for the bank of the search; `head` is the pose head
    if proposals are learned.

    >>> import jax, jax.numpy as jnp, avae_jax
    >>> tx, params = avae_jax.optimiser(avae_jax.TrainOptions()), {"w": jnp.zeros(3)}
    >>> state = avae_jax.init_state(jax.random.key(0), params, tx, met=jnp.zeros((16, 8)))
    >>> int(state.step), state.met.shape
    (0, (16, 8))
    """

    step: Array
    params: Params
    opt_state: Any
    key: Key
    met: Array
    head: Head | None = None


class RememberingState(TrainState):
    """A state with the poses of the last visits, `visited`, of examples that keep theirs.

    A class of its own: in a field of `TrainState` an absent table would be an entry of every
    checkpoint, and those of earlier versions have none.
    """

    visited: Visited | None = None


def init_state(
    key: Key,
    params: Params,
    tx: optax.GradientTransformation,
    *,
    met: Array,
    head: Head | None = None,
    visited: Visited | None = None,
) -> TrainState:
    """State before the first update; `met: [N, Z]` may be zeros.

    >>> import jax, jax.numpy as jnp, avae_jax
    >>> tx, params = avae_jax.optimiser(avae_jax.TrainOptions()), {"w": jnp.zeros(3)}
    >>> int(avae_jax.init_state(jax.random.key(0), params, tx, met=jnp.zeros((16, 8))).step)
    0
    """
    state = TrainState(jnp.zeros((), jnp.int32), params, tx.init(params), key, met, head)
    return with_table(state, visited)


def table_of(state: TrainState) -> Visited | None:
    """The remembered poses of a state, if it has any."""
    return state.visited if isinstance(state, RememberingState) else None


def with_table(state: TrainState, visited: Visited | None) -> TrainState:
    """`state` with these remembered poses in place of its own."""
    kind, more = (TrainState, {}) if visited is None else (RememberingState, {"visited": visited})
    fields = {field.name: getattr(state, field.name) for field in dataclasses.fields(TrainState)}
    return kind(**fields, **more)


def bank_of(state: TrainState, *, avae: AVAE, search: SearchOptions) -> TemplateBank | None:
    """The bank of the recent latent codes, with the current pose head."""
    head = None if state.head is None else state.head.params
    return build_bank(state.params, state.met, avae=avae, options=search, head=head)
