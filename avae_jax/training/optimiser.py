"""The optimiser of the weights and its learning rate."""

import optax

from avae_jax.config.options import TrainOptions


def optimiser(options: TrainOptions) -> optax.GradientTransformation:
    """Adam with warm-up, schedule and a bound on the norm of the gradient.

    >>> import jax.numpy as jnp, avae_jax
    >>> tx = avae_jax.optimiser(avae_jax.TrainOptions(steps=100))
    >>> state = tx.init({"w": jnp.zeros(3)})
    """
    rate = learning_rate(options)
    # Shifted by one: the schedule starts at 0, and the first update should have an effect.
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
