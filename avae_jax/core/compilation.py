"""Compilation with the options of the platform."""

import functools
from collections.abc import Callable
from typing import Any

import jax

# XLA's CPU fusion emitters do not vectorise `log` when it is fused with a gather: a search
# takes 1.4 times as long (docs/decisions/0018-sums-and-resampling-on-cpus.md).
CPU_OPTIONS = {"xla_cpu_use_fusion_emitters": False}


def jit(function: Callable, *, searches: bool = True, **keywords: Any) -> Callable:
    """`jax.jit` with the compiler options that were fastest on this platform.

    Args:
      searches: whether `function` searches poses; other programs are slower with these options.
    """
    if not searches:
        return jax.jit(function, **keywords)
    return jax.jit(function, compiler_options=compiler_options(), **keywords)


@functools.cache
def compiler_options() -> dict[str, bool]:
    """Options for the default backend; none if this version of XLA does not know them."""
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda x: x + 1, compiler_options=CPU_OPTIONS).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return CPU_OPTIONS
