"""Damped Gauss-Newton (Levenberg-Marquardt) with forward-mode derivatives.

A pose has 1 to 12 parameters, so the Jacobian of the outputs costs that many tangents. No
values are stored for a backward pass, and memory does not grow with the steps. The curvature
is J^T (d2 loss / d outputs2) J, which is positive because the loss is convex in the outputs,
and exact if the outputs are linear in the pose.

Reference: J. Nocedal and S. Wright, Numerical Optimization, chapter 10, 2006;
N. Schraudolph, Fast curvature matrix-vector products, 2002.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.core.platforms import by_platform
from avae_jax.core.types import Array, PyTree
from avae_jax.inference.search.problem import Problem

START = 1e-2
GROW, SHRINK = 8.0, 0.25
# Longest step: beyond it the linear model of an interpolated image is not valid.
LONGEST = 0.5
# Factor on steps at a frozen latent code, relative to the local model: on digits and chairs
# the true curvature is about half of the curvature at a frozen code.
OVERSTEP = 1.5


class Local(NamedTuple):
    """The loss around a pose: value `[]`, gradient `[P]` and curvature `[P, P]` in alpha."""

    loss: Array
    gradient: Array
    curvature: Array


class State(NamedTuple):
    """Best pose so far, the loss around it, and the damping of the next step."""

    pose: PyTree
    local: Local
    damping: Array


def linearise(problem: Problem, datum: PyTree, pose: PyTree, *, held: bool = False) -> Local:
    """The loss of one example around one pose; costs 1 + P forward passes.

    Args:
      held: differentiate at a frozen latent code (see `Problem.hold`): one forward pass and
        the derivatives of the rendering at a pose, which cost little.
    """
    if problem.tangents and not held:
        outputs, tangents = problem.tangents(datum, pose)
    else:
        outputs, tangents = _tangents(problem, datum, pose, held=held)
    loss, slope = jax.value_and_grad(problem.loss, 1)(datum, outputs)
    seen = problem.expected(datum, outputs) if problem.expected else datum

    def curve(tangent: PyTree) -> PyTree:
        return jax.jvp(lambda o: jax.grad(problem.loss, 1)(seen, o), (outputs,), (tangent,))[1]

    return Local(loss, _dot(tangents, slope), _dot_pairs(jax.vmap(curve)(tangents), tangents))


def _tangents(
    problem: Problem, datum: PyTree, pose: PyTree, *, held: bool
) -> tuple[PyTree, PyTree]:
    """The outputs at a pose, and their derivatives along every parameter, leading axis P."""
    held = held and problem.hold is not None
    predicted = problem.hold(datum, pose) if held else functools.partial(problem.predict, datum)

    def along(direction: Array) -> tuple[PyTree, PyTree]:
        return jax.jvp(
            lambda alpha: predicted(problem.retract(pose, alpha)),
            (jnp.zeros_like(direction),),
            (direction,),
        )

    directions = jnp.eye(problem.size, dtype=jax.tree.leaves(pose)[0].dtype)
    return jax.vmap(along, out_axes=(None, 0))(directions)


def _dot(tangents: PyTree, vector: PyTree) -> Array:
    """Inner products `[P]` of P tangents with a vector."""

    def products(t: Array, v: Array) -> Array:
        return _sums(t.reshape(t.shape[0], -1) * v.reshape(1, -1))

    return sum(jax.tree.leaves(jax.tree.map(products, tangents, vector)))  # type: ignore


def _dot_pairs(left: PyTree, right: PyTree) -> Array:
    """Inner products `[P, P]` of P tangents with P tangents."""

    def products(a: Array, b: Array) -> Array:
        a, b = a.reshape(a.shape[0], -1), b.reshape(b.shape[0], -1)
        if len(a) == 1:
            # The compiler would make a sum of this product.
            return _sums(a * b)[None]
        return jnp.matmul(a, b.T, precision="highest")

    return sum(jax.tree.leaves(jax.tree.map(products, left, right)))  # type: ignore


def _sums(rows: Array) -> Array:
    """Sums `[P]` of rows `[P, N]`; on CPUs as a product with ones.

    XLA's CPU compiler fuses a plain sum with the logarithms before it into a scalar loop, which
    took three quarters of a registration (docs/decisions/0018-sums-and-resampling-on-cpus.md).
    """

    def by_product(rows: Array) -> Array:
        return jnp.matmul(rows, jnp.ones(rows.shape[-1], rows.dtype), precision="highest")

    return by_platform(rows, cpu=by_product, default=lambda rows: rows.sum(-1))


def step_of(local: Local, damping: Array) -> Array:
    """The damped step `[P]`: minimises the local model plus damping times its diagonal."""
    scale = jnp.diagonal(local.curvature)
    scale = jnp.maximum(scale, 1e-6 * scale.max() + 1e-12)
    system = local.curvature + damping * jnp.diag(scale)
    step = -jnp.linalg.solve(system, local.gradient)
    step = step * jnp.minimum(1.0, LONGEST / (jnp.abs(step).max() + 1e-12))
    return jnp.where(jnp.isfinite(step).all(), step, 0)


def begin(problem: Problem, datum: PyTree, pose: PyTree, *, held: bool = False) -> State:
    """The state before the first step."""
    local = linearise(problem, datum, pose, held=held)
    return State(pose, local, jnp.asarray(START, local.loss.dtype))


def advance(problem: Problem, datum: PyTree, state: State, *, held: bool = False) -> State:
    """One step; a step that does not lower the loss is undone, and the next one is shorter."""
    reach = OVERSTEP if held and problem.hold is not None else 1.0
    trial = problem.retract(state.pose, reach * step_of(state.local, state.damping))
    there = linearise(problem, datum, trial, held=held)
    better = jnp.isfinite(there.loss) & ~(there.loss >= state.local.loss)
    moved = State(trial, there, state.damping * SHRINK)
    stayed = state._replace(damping=state.damping * GROW)
    return jax.tree.map(lambda a, b: jnp.where(better, a, b), moved, stayed)


def promise(local: Local) -> Array:
    """The loss `[]` that the local model expects after its first step."""
    step = step_of(local, jnp.asarray(START, local.loss.dtype))
    curved = (step[:, None] * local.curvature * step[None]).sum()
    return local.loss + (local.gradient * step).sum() + curved / 2


def refine(
    problem: Problem, datum: PyTree, pose: Array, *, steps: int, unroll: bool = False
) -> tuple[Array, Array]:
    """Refines one pose of one example; returns the best pose and its loss."""

    def step(state: State, _: None) -> tuple[State, None]:
        return advance(problem, datum, state), None

    state = begin(problem, datum, pose)
    state, _ = jax.lax.scan(step, state, None, length=steps - 1, unroll=unroll)
    last = problem.retract(state.pose, step_of(state.local, state.damping))
    loss = problem.value(datum, last)
    better = jnp.isfinite(loss) & (loss < state.local.loss)
    return jnp.where(better, last, state.pose), jnp.where(better, loss, state.local.loss)
