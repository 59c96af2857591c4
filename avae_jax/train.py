"""The train step: pose, search, update. Pure; the host loop compiles it."""

from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from avae_jax import proposals, sharing
from avae_jax.bank import Bank
from avae_jax.objective import AVAE, Terms, canonicalise, elbo, sample, turned
from avae_jax.options import SearchOptions, TrainOptions
from avae_jax.posing import build_bank, example_keys, find_poses
from avae_jax.proposals import Head
from avae_jax.sharing import Axes
from avae_jax.transform.matrices import identity
from avae_jax.transform.poses import random_pose
from avae_jax.types import Array, Key, Params


class TrainState(flax.struct.PyTreeNode):
    """Everything that training changes, and the key that it draws from.

    `met: [N, Z]` are the canonical objects met last, for the bank of the search; `head` is
    the pose head where proposals are learned.
    """

    step: Array
    params: Params
    opt_state: Any
    key: Key
    met: Array
    head: Head | None = None


def optimiser(options: TrainOptions) -> optax.GradientTransformation:
    """Adam with warm-up, schedule and a bound on the norm of the gradient."""
    rate = learning_rate(options)
    # Shifted by one: the schedule starts at 0, and the first update should already move.
    return optax.chain(
        optax.clip_by_global_norm(options.clip), optax.adam(lambda count: rate(count + 1))
    )


def learning_rate(options: TrainOptions) -> optax.Schedule:
    """The learning rate by update: a linear rise, then constant or half a cosine to 0."""
    peak, rise = options.learning_rate, min(options.warmup, max(options.steps - 1, 0))
    after = optax.constant_schedule(peak)
    if options.schedule == "cosine":
        after = optax.cosine_decay_schedule(peak, max(options.steps + 1 - rise, 1))
    if not rise:
        return after
    return optax.join_schedules([optax.linear_schedule(0.0, peak, rise), after], [rise])


def init_state(
    key: Key,
    params: Params,
    tx: optax.GradientTransformation,
    *,
    met: Array,
    head: Head | None = None,
) -> TrainState:
    """State before the first update; `met: [N, Z]`, zeros will do."""
    return TrainState(jnp.zeros((), jnp.int32), params, tx.init(params), key, met, head)


def pose_batch(keys: Key, x: Array, *, avae: AVAE) -> tuple[Array, Array]:
    """Moves every example `x: [B, *S, C]` to a random pose of the family.

    Returns:
      The posed examples and the poses applied, `[B, d + 1, d + 1]`.
    """

    def one(key: Key, example: Array) -> tuple[Array, Array]:
        pose = random_pose(key, avae.group, avae.ranges)
        return turned(example, pose, avae=avae), pose

    return jax.vmap(one)(keys, x)


def train_step(
    state: TrainState,
    x: Array,
    index: Array,
    *,
    avae: AVAE,
    tx: optax.GradientTransformation,
    search: SearchOptions | None,
    pose_data: bool,
    axes: Axes | None = None,
) -> tuple[TrainState, dict[str, Array]]:
    """One update of the weights.

    Args:
      x: `[B, *S, C]`, the examples.
      index: `[B]`, their global indices: what is drawn depends on (key, step, index) only.
      search: resolved options of the search; `None` trains a plain VAE.
      pose_data: move every example to a new random pose first.
      axes: of the devices that share the batch, of which `x` and `index` are this one's part,
        and of those that share each example (see `sharing`).

    Returns:
      The next state, and metrics averaged over the batch (nats per example).
    """
    keys = example_keys(jax.random.fold_in(state.key, state.step), index)
    pose_keys, search_keys, noise_keys = jax.vmap(jax.random.split, (0, None), 1)(keys, 3)
    if pose_data:
        x, _ = pose_batch(pose_keys, x, avae=avae)
    poses = jnp.broadcast_to(identity(avae.group.d), (x.shape[0], *identity(avae.group.d).shape))
    nonfinite, head, learning = jnp.zeros((), jnp.int32), state.head, {}
    if search is not None:
        bank = bank_of(state, avae=avae, search=search)
        task = {"avae": avae, "options": search, "bank": bank, "axes": axes}
        # With other noise than the update's: a pose chosen to suit the noise that the decoder
        # then learns from would let noise decide the pose.
        start_keys = jax.vmap(jax.random.fold_in, (0, None))(search_keys, 1)
        found = find_poses(state.params, start_keys, x, noise=search_keys, **task)
        # A constant for the weights: the derivative through an optimum vanishes (envelope theorem).
        poses, nonfinite = jax.lax.stop_gradient(found.pose), found.nonfinite.sum()
        if head is not None:
            head, learned = proposals.update(head, bank, x, poses, avae=avae, axes=axes)
            learning = {"proposal_loss": learned}

    def loss_of(params: Params) -> tuple[Array, Terms]:
        each = jax.vmap(lambda k, v, pose: elbo(params, k, v, pose, avae=avae))
        terms = jax.tree.map(jnp.mean, each(noise_keys, x, poses))
        return terms.nll + terms.kl, terms

    values = jax.value_and_grad(loss_of, has_aux=True)(state.params)
    (loss, terms), gradient = sharing.mean(values, axes)
    updates, opt_state = tx.update(gradient, state.opt_state, state.params)
    params = optax.apply_updates(state.params, updates)
    metrics = {
        "loss": loss,
        **terms._asdict(),
        "grad_norm": optax.tree.norm(gradient),
        "nonfinite": sharing.total(nonfinite, axes),
        **learning,
    }
    new = sharing.joined(objects(state.params, noise_keys, x, poses, avae=avae), axes)
    met = jnp.concatenate([new, state.met])[: len(state.met)]
    step = state.step + 1
    return state.replace(step=step, params=params, opt_state=opt_state, met=met, head=head), metrics


def bank_of(state: TrainState, *, avae: AVAE, search: SearchOptions) -> Bank | None:
    """The bank of the objects met last, with the pose head as far as it has learned."""
    head = None if state.head is None else state.head.params
    return build_bank(state.params, state.met, avae=avae, options=search, head=head)


def objects(params: Params, keys: Key, x: Array, poses: Array, *, avae: AVAE) -> Array:
    """Latent codes `[B, Z]` of observations `x: [B, *S, C]` at their poses, sampled."""

    def one(key: Key, example: Array, pose: Array) -> Array:
        return sample(key, *avae.model.encode(params, canonicalise(example, pose, avae=avae)))

    return jax.lax.stop_gradient(jax.vmap(one)(keys, x, poses))
