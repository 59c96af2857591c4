"""Pose inference: from a batch of observations to their poses.

`find_poses` searches a batch of observations by an affine VAE and its weights.
"""

import functools

import jax
import jax.numpy as jnp

from avae_jax.config.options import SearchOptions
from avae_jax.core import collectives
from avae_jax.core.collectives import Axes
from avae_jax.core.errors import InputError
from avae_jax.core.types import Array, Key, Params
from avae_jax.inference.problem import bounded, prepare, problem
from avae_jax.inference.proposals.template_bank import (
    Proposals,
    TemplateBank,
    build_templates,
    kmeans,
    propose_starts,
)
from avae_jax.inference.search import SearchResult, resolve_search, search, start_poses
from avae_jax.models.affine_model import AVAE
from avae_jax.models.argument_checks import require_observation


def find_poses(
    params: Params,
    keys: Key,
    x: Array,
    *,
    avae: AVAE,
    options: SearchOptions,
    bank: TemplateBank | None = None,
    met: Array | None = None,
    noise: Key | None = None,
    axes: Axes | None = None,
) -> SearchResult:
    """Searches the pose of every observation.

    Args:
      keys: `[B]`, one for each example, for its starts.
      x: `[B, *S, C]`.
      options: of the search; what is `None` takes the value of the preset.
      bank: if `options.kind` is `bank`, see `build_bank`; else it is made of `met`.
      met: `[N, Z]`, codes of canonical objects, of which a bank is made where there is none.
      noise: `[B]`, samples z, the same noise at every pose of an example, as training does:
        until a posterior is narrow a decoder has learned nothing about its mean. `None`
        takes the mean.
      axes: mesh axes of the devices that share the search of each example; all get the same
        result (see `core.collectives`).

    Returns:
      The found poses carry each observation to the canonical pose; the pose of the
      object is their inverse.

    Raises:
      InputError: arguments of another shape, type or range, or neither `bank` nor `met`.

    >>> import functools, jax, numpy as np, avae_jax
    >>> params, avae, search, bank, codes = avae_jax.pretrained("digits").trained
    >>> x = np.zeros((2, 24, 24, 1), np.float32)
    >>> x[:, 6:18, 11:13] = 1
    >>> keys = avae_jax.example_keys(jax.random.key(0), np.arange(2))
    >>> find = jax.jit(functools.partial(avae_jax.find_poses, avae=avae, options=search))
    >>> find(params, keys, x, bank=bank).pose.shape
    (2, 3, 3)
    """
    options = resolve_search(options, avae.group)
    require_observation("find_poses: x", x, "B", avae=avae)
    _require_keys(keys, len(x))
    if options.kind == "bank" and bank is None:
        bank = _bank_of(params, met, avae=avae, options=options)
    params = jax.lax.stop_gradient(params)
    begin = jax.vmap(lambda key, one: begin_at(key, one, bank, avae=avae, options=options))(keys, x)
    seen = jax.vmap(lambda one, noise: prepare(one, avae=avae, noise=noise))(x, noise)
    chosen = begin.doubt > options.doubt if options.doubt else None
    options = bounded(options, avae)
    task = problem(params, avae)._replace(share=functools.partial(collectives.divided, axes=axes))
    return search(task, seen, begin.poses, options=options, chosen=chosen)


def _require_keys(keys: Key, count: int) -> None:
    """Checks that every example has a key, typed or of two numbers."""
    if not hasattr(keys, "dtype"):
        raise InputError(
            f"find_poses: keys={keys!r}, wanted one an example: avae_jax.example_keys(key, index)"
        )
    typed = jnp.issubdtype(keys.dtype, jax.dtypes.prng_key)
    if keys.shape != ((count,) if typed else (count, 2)):
        raise InputError(
            f"find_poses: keys of shape {list(keys.shape)} for {count} examples, wanted one each: "
            "avae_jax.example_keys(key, index)"
        )


def _bank_of(
    params: Params, met: Array | None, *, avae: AVAE, options: SearchOptions
) -> TemplateBank | None:
    """The bank of codes, where they are given."""
    if met is None:
        raise InputError(
            "find_poses: bank=None and met=None, wanted met=codes [N, Z] of canonical objects, "
            "bank=avae_jax.build_bank(...), or options with kind='even', which need neither"
        )
    return build_bank(params, met, avae=avae, options=options)


def build_bank(
    params: Params,
    met: Array,
    *,
    avae: AVAE,
    options: SearchOptions,
    head: Params | None = None,
) -> TemplateBank | None:
    """The bank of the centres of objects `met: [N, Z]` and its head; `None` if none is used.

    Args:
      met: latent codes of canonical objects, such as `encode` gives of upright examples.
      options: of the search; what is `None` takes the value of the preset.
      head: weights of a pose head, where one has learned.

    >>> import avae_jax
    >>> params, avae, search, _, codes = avae_jax.pretrained("digits").trained
    >>> bank = avae_jax.build_bank(params, codes, avae=avae, options=search)
    >>> bank.poses.shape  # prototypes, rotations
    (64, 64, 3, 3)
    """
    options = resolve_search(options, avae.group)
    if options.kind != "bank":
        return None
    params, met = jax.lax.stop_gradient((params, met))
    prototypes = kmeans(met, options.prototypes)
    bank = build_templates(params, prototypes, avae=avae, turns=options.turns)
    return bank._replace(head=jax.lax.stop_gradient(head))


def begin_at(
    key: Key, x: Array, bank: TemplateBank | None, *, avae: AVAE, options: SearchOptions
) -> Proposals:
    """The starts of the search of one observation `x: [*S, C]`, and their doubt.

    Raises:
      InputError: the options want a bank and there is none.
    """
    if options.kind != "bank":
        poses = start_poses(key, avae.group, avae.ranges, kind=options.kind, count=options.starts)
        return Proposals(poses, jnp.ones(len(poses)))
    if bank is None:
        raise InputError("search.kind=bank: no bank given, wanted one of build_bank")
    return propose_starts(
        bank,
        x,
        avae=avae,
        count=options.starts,
        degrees=options.distance,
    )
