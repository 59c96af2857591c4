"""The posterior of pose and code together: a mixture of normals over the optima of a search.

    q(z, M) = sum_k w_k Normal((z - z_k, log(M_k^-1 M)); 0, H_k^-1)

The encoder gives a first guess of z at each pose that a search kept, `joint_peak` the normal around
it. What the encoder says of one pose and of the next one does not matter.

Reference: docs/decisions/0023-joint-posterior.md.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, Params
from avae_jax.inference.curvature_posterior import repeated
from avae_jax.inference.joint_peak import Peak, peaks_near
from avae_jax.inference.joint_problem import Place, joint_problem
from avae_jax.inference.problem import SearchInput, prepare
from avae_jax.inference.search import SearchResult
from avae_jax.inference.search.batching import over_pairs
from avae_jax.models.affine_model import AVAE
from avae_jax.models.objective import canonicalise
from avae_jax.transform.lie import brackets, coordinates

# Optima less than this many standard deviations apart, in code and pose, count once.
APART = 1.0


class JointPosterior(NamedTuple):
    """A distribution of the code and the pose of one example.

    Attributes:
      codes: `[K, Z]`.
      poses: `[K, d + 1, d + 1]`.
      spread: `[K, Z + P, Z + P]`, with `covariance = spread spread^T` of the code and, in local
        coordinates around the pose, of the pose (see `Mixture`).
      whitening: `[K, Z + P, Z + P]`, the inverse of `spread`.
      log_weights: `[K]`, whose exponentials sum to 1; `-inf` for an unused component.

    >>> import numpy as np, avae_jax
    >>> one = np.eye(5)[None]  # a code of 4 numbers, and an angle
    >>> known = avae_jax.JointPosterior(np.zeros((1, 4)), np.eye(3)[None], one, one, np.zeros(1))
    >>> known.spread.shape
    (1, 5, 5)
    """

    codes: Array
    poses: Array
    spread: Array
    whitening: Array
    log_weights: Array


def joint_posterior(
    params: Params, x: Array, found: SearchResult, *, avae: AVAE, chunk: int | None = None
) -> JointPosterior:
    """The posterior of code and pose of every observation.

    Args:
      x: `[B, *S, C]`.
      found: the result of a search of them; more kept candidates give more optima.
      chunk: number of (example, candidate, tangent) triples that are computed at once.

    Returns:
      A posterior with leading axis B.

    Raises:
      InputError: the family is not a group.
      ValueError: the decoder has no derivatives (see `from_numpy_functions`).

    >>> import numpy as np, avae_jax
    >>> params, avae, *_ = avae_jax.pretrained("digits").trained
    >>> x = np.zeros((2, 24, 24, 1), np.float32)
    >>> x[:, 6:18, 11:13] = 1
    >>> found = avae_jax.pretrained("digits").find(x)
    >>> avae_jax.joint_posterior(params, x, found, avae=avae).codes.shape
    (2, 2, 8)
    """
    brackets(avae.group)
    params = jax.lax.stop_gradient(params)
    latent = latent_size(params, x[0], avae=avae)
    task = joint_problem(params, latent, avae=avae)

    def guess(seen: SearchInput, pose: Array) -> tuple[Array, Array]:
        return avae.model.encode(params, canonicalise(seen.x, pose, avae=avae))

    seen = jax.vmap(lambda one: prepare(one, avae=avae))(jnp.asarray(x))
    codes, logvar = over_pairs(guess, seen, found.candidates, chunk=chunk)
    each = chunk and max(1, chunk // (1 + task.size))
    guesses = Place(codes, jnp.asarray(found.candidates))
    peaks = peaks_near(task, seen, guesses, jnp.exp(logvar / 2), chunk=each)
    return jax.vmap(lambda peaks: _mixture(peaks, avae=avae))(peaks)


def latent_size(params: Params, like: Array, *, avae: AVAE) -> int:
    """Z, of the encoder; `like: [*S, C]` is any observation."""
    return jax.eval_shape(avae.model.encode, params, like)[0].shape[0]


def has_derivatives(params: Params, latent: int, *, avae: AVAE) -> bool:
    """Whether the decoder can be differentiated; functions outside of JAX cannot.

    Args:
      latent: Z.
    """
    code = jax.ShapeDtypeStruct((latent,), jnp.float32)
    decode = functools.partial(avae.model.decode, params)
    try:
        jax.eval_shape(lambda z: jax.jvp(decode, (z,), (z,)), code)
    except ValueError:
        return False
    return True


def _mixture(peaks: Peak, *, avae: AVAE) -> JointPosterior:
    """The mixture over the distinct peaks `[K]` of one example."""
    heights = -peaks.loss - jnp.log(jnp.diagonal(peaks.root, axis1=-2, axis2=-1)).sum(-1)
    heights = jnp.where(jnp.isfinite(heights), heights, -jnp.inf)
    order = jnp.argsort(-heights)
    heights, peaks = heights[order], jax.tree.map(lambda leaf: leaf[order], peaks)
    (codes, poses), _, root, spread = peaks
    usable = jnp.isfinite(heights)[:, None, None]
    eye = jnp.eye(root.shape[-1], dtype=root.dtype)
    whitening = jnp.where(usable, root.mT, eye[None])
    spread = jnp.where(usable, spread, eye[None])
    away = offsets(codes, poses, codes, poses, avae=avae)
    scaled = jnp.einsum("kij,knj->kni", whitening, away, precision="highest")
    near = (scaled * scaled).sum(-1) < APART**2
    heights = jnp.where(repeated(near), -jnp.inf, heights)
    return JointPosterior(codes, poses, spread, whitening, jax.nn.log_softmax(heights))


def offsets(centres: Array, around: Array, codes: Array, poses: Array, *, avae: AVAE) -> Array:
    """From every centre to every place in local coordinates, `[K, N, Z + P]`.

    Args:
      centres, around: `[K, Z]` and `[K, d + 1, d + 1]`.
      codes, poses: `[N, Z]` and `[N, d + 1, d + 1]`.

    Returns:
      Infinite where a pose has no coordinates.
    """
    local = jax.vmap(
        lambda centre: jax.vmap(lambda pose: coordinates(avae.group, centre, pose))(poses)
    )(around)
    return jnp.concatenate([codes[None] - centres[:, None], local], -1)
