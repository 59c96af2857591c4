"""Posing: from a batch of observations to their poses, by searching the objective.

Here the objective meets the search: `problem` turns an affine VAE and its weights into
what `search` wants, `find_poses` searches a batch.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.bank import Bank, Proposals, build, centres, propose
from avae_jax.config.options import SearchOptions
from avae_jax.core import collectives
from avae_jax.core.collectives import Axes
from avae_jax.core.types import Array, Key, Params, PyTree
from avae_jax.models.objective import AVAE, explain, place, predict, search_loss, widen
from avae_jax.pose_search import Effort, Problem, SearchResult, effort, gauss_newton, search, starts
from avae_jax.transform.families import retract
from avae_jax.transform.matrices import identity


class Seen(NamedTuple):
    """One observation as the search wants it.

    Attributes:
      x: `[*S, C]`.
      wide: `[*outer.shape, C]`, extended by `fill`; once, not at every pose.
      noise: samples z, the same noise at every pose; `None` takes the mean of z.
    """

    x: Array
    wide: Array
    noise: Key | None = None


def see(x: Array, *, avae: AVAE, noise: Key | None = None) -> Seen:
    """Prepares one observation `[*S, C]` for the search."""
    return Seen(x, widen(x, avae=avae), noise)


def problem(params: Params, avae: AVAE) -> Problem:
    """The search problem of an affine VAE over `Seen` examples."""
    return Problem(
        predict=lambda seen, pose: predict(params, seen.noise, seen.x, pose, avae=avae),
        loss=lambda seen, outputs: search_loss(params, seen.wide, outputs, avae=avae),
        retract=lambda pose, alpha: retract(avae.group, pose, alpha),
        size=avae.group.size,
        hold=lambda seen, pose: functools.partial(
            place, explain(params, seen.noise, seen.x, pose, avae=avae), avae=avae
        ),
    )


def find_poses(
    params: Params,
    keys: Key,
    x: Array,
    *,
    avae: AVAE,
    options: SearchOptions,
    bank: Bank | None = None,
    noise: Key | None = None,
    axes: Axes | None = None,
) -> SearchResult:
    """Searches the pose of every observation.

    Args:
      keys: `[B]`, one an example, for its starts.
      x: `[B, *S, C]`.
      options: resolved search options.
      bank: needed if `options.kind` is `bank`, see `build_bank`.
      noise: `[B]`, samples z, the same noise at every pose of an example, as training does:
        until a posterior is narrow a decoder has learned nothing about its mean. `None`
        takes the mean.
      axes: of the devices that share each example and do a part of its search each; all find
        the same (see `sharing`).

    Returns:
      The found poses carry each observation to the canonical pose; the pose of the
      object is their inverse.
    """
    params = jax.lax.stop_gradient(params)
    begin = jax.vmap(lambda key, one: begin_at(key, one, bank, avae=avae, options=options))(keys, x)
    seen = jax.vmap(lambda one, noise: see(one, avae=avae, noise=noise))(x, noise)
    chosen = begin.doubt > options.doubt if options.doubt else None
    options = bounded(options, avae)
    task = problem(params, avae)._replace(share=functools.partial(collectives.divided, axes=axes))
    return search(task, seen, begin.poses, options=options, chosen=chosen)


# Pixels of one array of a chunk: what stays in the cache of a CPU, what fills an accelerator.
PIXELS_ON_CPU, PIXELS_ON_ACCELERATORS = 2**17, 2**25
# Fewer poses than this at once spend their time on reading the weights of the model.
LEAST_CHUNK = 64


def bounded(options: SearchOptions, avae: AVAE, *, platform: str | None = None) -> SearchOptions:
    """`options` with a chunk size that fits the platform (the default one) and the images."""
    if options.chunk is not None:
        return options
    platform = platform or jax.default_backend()
    pixels = PIXELS_ON_CPU if platform == "cpu" else PIXELS_ON_ACCELERATORS
    chunk = max(LEAST_CHUNK, pixels // math.prod(avae.outer.shape))
    return dataclasses.replace(options, chunk=chunk)


def build_bank(
    params: Params,
    met: Array,
    *,
    avae: AVAE,
    options: SearchOptions,
    head: Params | None = None,
) -> Bank | None:
    """The bank of the centres of objects `met: [N, Z]` and its head; `None` if none is used."""
    if options.kind != "bank":
        return None
    params, met = jax.lax.stop_gradient((params, met))
    prototypes = centres(met, options.prototypes)
    bank = build(params, prototypes, avae=avae, turns=options.turns)
    return bank._replace(head=jax.lax.stop_gradient(head))


def begin_at(
    key: Key, x: Array, bank: Bank | None, *, avae: AVAE, options: SearchOptions
) -> Proposals:
    """Where the search of one observation `x: [*S, C]` starts, and how doubtful that is.

    Raises:
      ValueError: the options want a bank and there is none.
    """
    if options.kind != "bank":
        poses = starts(key, avae.group, avae.ranges, kind=options.kind, count=options.starts)
        return Proposals(poses, jnp.ones(len(poses)))
    if bank is None:
        raise ValueError("search.kind=bank: no bank given, wanted one of build_bank")
    return propose(
        bank,
        x,
        avae=avae,
        count=options.starts,
        degrees=options.distance,
    )


def forward_equivalents(
    params: Params,
    x: Array,
    *,
    avae: AVAE,
    options: SearchOptions,
    bank: Bank | None,
    scored: float | None = None,
    refined: float | None = None,
) -> float:
    """Operations of a search of one example `x: [*S, C]` over those of one forward pass.

    Operations are those the compiler counts before it optimises. Building the bank is
    left out: that is done once for any number of examples.

    Args:
      scored, refined: means over examples, where they vary (see `SearchResult`).
    """
    here = (params, see(x, avae=avae), identity(avae.group.d))
    forward = forward_operations(params, x, avae=avae)
    begin = functools.partial(begin_at, avae=avae, options=options)
    key = jax.random.key(0)
    count = jax.eval_shape(begin, key, x, bank).poses.shape[0]

    def linearised(held: bool) -> float:
        def around(params: Params, seen: Seen, pose: Array) -> gauss_newton.Local:
            return gauss_newton.linearise(problem(params, avae), seen, pose, held=held)

        return operations(around, *here) / forward

    # A value and its reverse gradient count as two forward passes.
    each = Effort(values=1, held=linearised(True), full=linearised(False), reverse=2)
    spent = effort(count, options, scored=scored, refined=refined).cost(each)
    return spent + operations(begin, key, x, bank) / forward


def forward_operations(params: Params, x: Array, *, avae: AVAE) -> float:
    """Floating-point operations of the loss of one example `x: [*S, C]` at one pose."""

    def value(params: Params, seen: Seen, pose: Array) -> Array:
        return problem(params, avae).value(seen, pose)

    return operations(value, params, see(x, avae=avae), identity(avae.group.d))


def operations(function: Callable, *args: PyTree) -> float:
    """Floating-point operations of one call, as the compiler for CPUs counts them.

    Those for GPUs and TPUs count only what they have made of a program, after making it.
    Nothing is computed; of `args` only shapes matter.

    Raises:
      RuntimeError: JAX was started without CPUs (`JAX_PLATFORMS`).
    """
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), args)
    cpu = jax.sharding.SingleDeviceSharding(jax.local_devices(backend="cpu")[0])
    return jax.jit(function, in_shardings=cpu).lower(*shapes).cost_analysis()["flops"]


def example_keys(key: Key, index: Array) -> Key:
    """A key `[B]` for every example: `index: [B]` are global example indices."""
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.asarray(index))
