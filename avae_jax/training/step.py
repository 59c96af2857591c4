"""The train step: pose, search, update; pure, compiled by the host loop."""

import jax
import jax.numpy as jnp
import optax

from avae_jax.config.options import SearchOptions
from avae_jax.core import collectives
from avae_jax.core.array_checks import INTEGERS, require_array
from avae_jax.core.collectives import Axes
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.find_poses import find_poses
from avae_jax.inference.problem import example_keys
from avae_jax.inference.proposals import head_training
from avae_jax.inference.proposals.template_bank import TemplateBank
from avae_jax.inference.search import resolve_search
from avae_jax.models.argument_checks import require_observation
from avae_jax.models.augmentation import pose_batch
from avae_jax.models.objective import (
    AVAE,
    Reconstruction,
    Terms,
    canonicalise,
    explain,
    sample,
)
from avae_jax.training.remembered import Task, onward, remembering, revisited
from avae_jax.training.state import TrainState, bank_of, table_of, with_table
from avae_jax.transform.matrices import identity


def train_step(
    state: TrainState,
    x: Array,
    index: Array,
    *,
    avae: AVAE,
    tx: optax.GradientTransformation,
    search: SearchOptions | None,
    pose_data: bool,
    poses: Array | None = None,
    axes: Axes | None = None,
) -> tuple[TrainState, dict[str, Array]]:
    """One update of the weights.

    Args:
      x: `[B, *S, C]`, the examples.
      index: `[B]`, their global indices: what is drawn depends on (key, step, index) only.
      search: options of the search, of which `None` takes the preset's value for training;
        `None` trains a plain VAE.
      pose_data: move every example to a new random pose first.
      poses: `[B, d + 1, d + 1]`, from the examples as they are to the canonical frame: nothing is
        moved or searched.
      axes: mesh axes of the devices that share the batch (`x` and `index` are this device's
        part) and of the devices that share each example (see `core.collectives`).

    Returns:
      The next state, and metrics averaged over the batch (nats per example).

    Raises:
      InputError: arguments of another shape, type or range.

    >>> import functools, jax, jax.numpy as jnp, avae_jax
    >>> params, avae, _, _, codes = avae_jax.pretrained("digits").trained
    >>> tx = avae_jax.optimiser(avae_jax.TrainOptions())
    >>> state = avae_jax.init_state(jax.random.key(0), params, tx, met=codes)
    >>> step = functools.partial(avae_jax.train_step, avae=avae, tx=tx, search=None, pose_data=True)
    >>> state, metrics = jax.jit(step)(state, jnp.zeros((8, 24, 24, 1)), jnp.arange(8))
    >>> int(state.step), bool(metrics["loss"] > 0)
    (1, True)
    """
    keys = _keys(state, x, index, avae=avae)
    pose_keys, search_keys, noise_keys = jax.vmap(jax.random.split, (0, None), 1)(keys, 3)
    given = poses is not None
    if pose_data and not given:
        x, _ = pose_batch(pose_keys, x, avae=avae)
    task = {"avae": avae, "search": search, "axes": axes}
    state, poses, found = _posed(state, search_keys, x, index, poses, **task)

    def loss_of(params: Params) -> tuple[Array, tuple[Terms, Reconstruction]]:
        each = jax.vmap(lambda k, v, pose: explain(params, k, v, pose, avae=avae))
        terms, drawn = each(noise_keys, x, poses)
        terms = jax.tree.map(jnp.mean, terms)
        return terms.nll + terms.kl, (terms, drawn)

    (loss, (terms, drawn)), gradient = jax.value_and_grad(loss_of, has_aux=True)(state.params)
    loss, terms, gradient = collectives.mean((loss, terms, gradient), axes)
    if (table := table_of(state)) is not None:
        # Registered poses stay as they are: at first the model knows none.
        later = poses if given else onward(state.params, x, poses, drawn, avae=avae)
        state = with_table(state, remembering(table, index, later, axes=axes))
    updates, opt_state = tx.update(gradient, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
        "loss": loss,
        **terms._asdict(),
        "grad_norm": optax.tree.norm(gradient),
        **found,
    }
    new = collectives.joined(objects(state.params, noise_keys, x, poses, avae=avae), axes)
    met = jnp.concatenate([new, state.met])[: len(state.met)]
    step = state.step + 1
    return state.replace(step=step, params=params, opt_state=opt_state, met=met), metrics


def _posed(
    state: TrainState,
    keys: Key,
    x: Array,
    index: Array,
    poses: Array | None,
    *,
    avae: AVAE,
    search: SearchOptions | None,
    axes: Axes | None,
) -> tuple[TrainState, Array, dict[str, Array]]:
    """The state with what the poses of `x` have taught it, these poses, and metrics."""
    seen = {"nonfinite": jnp.zeros((), jnp.int32)}
    if search is None:
        still = identity(avae.group.d)
        given = jnp.broadcast_to(still, (x.shape[0], *still.shape)) if poses is None else poses
        return state, given, seen
    search = resolve_search(search, avae.group, training=True)
    bank, visited = None, table_of(state)
    if state.head is not None or (poses is None and visited is None):
        bank = bank_of(state, avae=avae, search=search)
    if poses is None:
        task = Task(state.params, avae, search, lambda: _bank(state, bank, avae, search), axes)
        poses, nonfinite = _searched(state, keys, x, index, task=task)
        seen = {"nonfinite": collectives.total(nonfinite, axes)}
    if state.head is None:
        return state, poses, seen
    head, learned = head_training.update(state.head, bank, x, poses, avae=avae, axes=axes)
    return state.replace(head=head), poses, seen | {"proposal_loss": learned}


def _bank(
    state: TrainState, built: TemplateBank | None, avae: AVAE, search: SearchOptions
) -> TemplateBank | None:
    """The bank of `state`, unless it is built already."""
    return bank_of(state, avae=avae, search=search) if built is None else built


def _searched(
    state: TrainState, keys: Key, x: Array, index: Array, *, task: Task
) -> tuple[Array, Array]:
    """The found poses of `x`, constants for the weights, and the number of non-finite losses."""
    # The noise differs from the update's noise: otherwise the search would choose the pose
    # that suits the noise from which the decoder then learns.
    start_keys = jax.vmap(jax.random.fold_in, (0, None))(keys, 1)
    visited = table_of(state)
    if visited is None:
        bank, shared = task.bank(), {"avae": task.avae, "options": task.options, "axes": task.axes}
        result = find_poses(task.params, start_keys, x, noise=keys, bank=bank, **shared)
        poses, nonfinite = result.pose, result.nonfinite.sum()
    else:
        visit = visited, state.step, index, start_keys, keys, x
        poses, nonfinite = revisited(*visit, task=task)
    # The derivative through an optimum vanishes (envelope theorem).
    return jax.lax.stop_gradient(poses), nonfinite


def _keys(state: TrainState, x: Array, index: Array, *, avae: AVAE) -> Key:
    """A key for each example of an update, `[B]`, once examples and indices are found sound."""
    require_observation("train_step: x", x, "B", avae=avae)
    require_array("train_step: index", index, (len(x),), kind=INTEGERS)
    return example_keys(jax.random.fold_in(state.key, state.step), index)


def objects(params: Params, keys: Key, x: Array, poses: Array, *, avae: AVAE) -> Array:
    """Latent codes `[B, Z]` of observations `x: [B, *S, C]` at their poses, sampled."""

    def one(key: Key, example: Array, pose: Array) -> Array:
        return sample(key, *avae.model.encode(params, canonicalise(example, pose, avae=avae)))

    return jax.lax.stop_gradient(jax.vmap(one)(keys, x, poses))
