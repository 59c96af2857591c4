"""The shape of the tail of importance weights, which says whether their mean can be trusted.

A generalised Pareto distribution is fitted to the largest weights. Its shape k is the inverse of
the number of moments that the weights have: above 0.7, their mean needs impractically many draws.

Reference: A. Vehtari, D. Simpson, A. Gelman, Y. Yao and J. Gabry, Pareto smoothed importance
sampling, 2024; J. Zhang and M. Stephens, A new and efficient estimation method for the
generalized Pareto distribution, 2009.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array

# Above this shape a bound is not to be trusted.
UNTRUSTED = 0.7
# Fewest weights of the tail. The prior of the shape is 0.5, as if from PRIOR weights more.
FEWEST, PRIOR = 5, 10.0


def tail_shape(log_weights: Array) -> Array:
    """The shape k `[]` of the tail of weights `[N]`; NaN for fewer than 25 of them."""
    count = len(log_weights)
    tail = min(count // 5, math.ceil(3 * math.sqrt(count)))
    if tail < FEWEST:
        return jnp.full((), jnp.nan, log_weights.dtype)
    largest = jnp.exp(jax.lax.top_k(log_weights, tail + 1)[0] - log_weights.max())
    above = (largest[:-1] - largest[-1])[::-1]
    # Equal weights leave nothing above the threshold.
    above = jnp.maximum(above, 1e-6 * above[-1] + 1e-12)
    trials = 30 + int(math.sqrt(tail))
    places = np.float32(1 - np.sqrt(trials / (np.arange(1, trials + 1) - 0.5)))
    rate = places / (3 * above[int(tail / 4 + 0.5) - 1]) + 1 / above[-1]
    shape = jnp.log1p(-rate[:, None] * above[None]).mean(1)
    fit = tail * (jnp.log(-rate / shape) - shape - 1)
    rate = (rate * jax.nn.softmax(jnp.where(jnp.isnan(fit), -jnp.inf, fit))).sum()
    shape = jnp.log1p(-rate * above).mean()
    return (tail * shape + PRIOR / 2) / (tail + PRIOR)
