"""Registration: cheap steps for many candidates, halving their number in each step.

A step encodes and decodes the example at a candidate's pose (one forward pass) and aligns the
decoded object with the example while the latent code stays frozen: derivatives cost little,
for any number of parameters. Candidates that fall behind are dropped by successive halving.

Reference: K. Jamieson and A. Talwalkar, Non-stochastic best arm identification, 2016.
"""

import itertools
import math

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, PyTree
from avae_jax.inference.search import gauss_newton
from avae_jax.inference.search.batching import over_pairs
from avae_jax.inference.search.gauss_newton import State
from avae_jax.inference.search.problem import Problem
from avae_jax.inference.search.select import best_apart


def rounds(starts: int, keep: int, steps: int) -> list[int]:
    """Number of candidates in each step: half as many each time, `keep` in the last.

    With too few steps for halves, the same share is dropped at each.
    """
    share = min(0.5, (keep / starts) ** (1 / max(steps, 1)))
    left = (starts * share**step for step in range(1, steps + 1))
    # Shares are inexact: a number within rounding of an integer is this integer.
    return [max(keep, math.ceil(n - 1e-6)) for n in left]


def register(
    problem: Problem,
    data: PyTree,
    starts: Array,
    *,
    keep: int,
    steps: int,
    degrees: float,
    chunk: int | None,
    unroll: bool = False,
) -> tuple[Array, Array, Array]:
    """The best `keep` poses of every example after `steps` rounds.

    Args:
      data: pytree with leading axis B.
      starts: `[B, R, d + 1, d + 1]`.
      degrees: least angle between candidates of the next step, as long as there are enough.

    Returns:
      Poses `[B, K, d + 1, d + 1]`, their losses `[B, K]` (+inf where not finite), and the
      number `[B]` of starts without a finite loss.
    """

    def advance(datum: PyTree, state: State) -> State:
        return gauss_newton.advance(problem, datum, state, held=True)

    def one_round(states: State, _: None) -> tuple[State, None]:
        return over_pairs(advance, data, states, chunk=chunk, share=problem.share), None

    def begin(datum: PyTree, pose: Array) -> State:
        return gauss_newton.begin(problem, datum, pose, held=True)

    states = over_pairs(begin, data, starts, chunk=chunk, share=problem.share)
    bad = (~jnp.isfinite(states.local.loss)).sum(1)
    first = _best(states, states.local.loss, keep=1, degrees=degrees)
    for count, group in itertools.groupby(rounds(starts.shape[1], keep, steps)):
        # Ranked by the expected loss after a step, which favours a start near the best optimum.
        promised = jax.vmap(jax.vmap(gauss_newton.promise))(states.local)
        states = _best(states, promised, keep=count, degrees=degrees)
        states, _ = jax.lax.scan(one_round, states, None, length=len(list(group)), unroll=unroll)
    states = _best(states, states.local.loss, keep=keep, degrees=degrees)
    states = jax.vmap(_no_worse)(states, first)
    losses = states.local.loss
    return states.pose, jnp.where(jnp.isfinite(losses), losses, jnp.inf), bad


def _best(states: State, losses: Array, *, keep: int, degrees: float) -> State:
    """The `keep` best candidates of each example that are apart from each other."""

    def one(state: State, loss: Array) -> State:
        taken = best_apart(state.pose, loss, keep=keep, degrees=degrees)
        return jax.tree.map(lambda leaf: leaf[taken], state)

    if keep == losses.shape[1]:
        return states
    return jax.vmap(one)(states, losses)


def _no_worse(states: State, first: State) -> State:
    """`states: [K]`, the worst replaced by the best start `first: [1]` if no state beats it.

    A step may lower the loss less than expected.
    """
    losses = jnp.where(jnp.isfinite(states.local.loss), states.local.loss, jnp.inf)
    place = jnp.where(first.local.loss[0] < losses.min(), losses.argmax(), losses.size)
    return jax.tree.map(lambda a, b: a.at[place].set(b[0], mode="drop"), states, first)
