"""Operations of a search, in forward passes of the whole objective."""

import functools
from collections.abc import Callable

import jax

from avae_jax.config.options import SearchOptions
from avae_jax.core.platforms import portable
from avae_jax.core.types import Array, Params, PyTree
from avae_jax.inference.find_poses import begin_at
from avae_jax.inference.problem import SearchInput, prepare, problem
from avae_jax.inference.proposals.template_bank import TemplateBank
from avae_jax.inference.search import Effort, effort, gauss_newton
from avae_jax.models.affine_model import AVAE
from avae_jax.transform.matrices import identity


def forward_equivalents(
    params: Params,
    x: Array,
    *,
    avae: AVAE,
    options: SearchOptions,
    bank: TemplateBank | None,
    scored: float | None = None,
    refined: float | None = None,
) -> float:
    """Operations of a search of one example `x: [*S, C]` over those of one forward pass.

    Operations are the compiler's counts before optimisation. The construction of the bank is
    not included: it is built once for all examples.

    Args:
      scored, refined: means over examples, if they vary (see `SearchResult`).
    """
    here = (params, prepare(x, avae=avae), identity(avae.group.d))
    forward = forward_operations(params, x, avae=avae)
    begin = functools.partial(begin_at, avae=avae, options=options)
    key = jax.random.key(0)
    count = jax.eval_shape(begin, key, x, bank).poses.shape[0]

    def linearised(held: bool) -> float:
        def around(params: Params, seen: SearchInput, pose: Array) -> gauss_newton.Local:
            return gauss_newton.linearise(problem(params, avae), seen, pose, held=held)

        return operations(around, *here) / forward

    spent = effort(count, options, scored=scored, refined=refined)
    # A value and its reverse gradient count as two forward passes. Derivatives that a method
    # does not take are not counted either: tracing them takes seconds.
    held = linearised(True) if spent.held else 0.0
    full = linearised(False) if spent.full else 0.0
    each = Effort(values=1, held=held, full=full, reverse=2)
    return spent.cost(each) + operations(begin, key, x, bank) / forward


def forward_operations(params: Params, x: Array, *, avae: AVAE) -> float:
    """Floating-point operations of the loss of one example `x: [*S, C]` at one pose."""

    def value(params: Params, seen: SearchInput, pose: Array) -> Array:
        return problem(params, avae).value(seen, pose)

    return operations(value, params, prepare(x, avae=avae), identity(avae.group.d))


def operations(function: Callable, *args: PyTree) -> float:
    """Floating-point operations of one call, counted by the compiler for CPUs.

    The compilers for GPUs and TPUs count only optimised programs, after their compilation.
    Nothing is computed; only the shapes of `args` matter.

    Raises:
      RuntimeError: JAX was started without CPUs (`JAX_PLATFORMS`).
    """
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), args)
    cpu = jax.sharding.SingleDeviceSharding(jax.local_devices(backend="cpu")[0])
    with portable():
        return jax.jit(function, in_shardings=cpu).lower(*shapes).cost_analysis()["flops"]
