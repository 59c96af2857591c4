"""The posterior of pose and code together: a mixture of normals over the optima of a search.

    q(z, M) = sum_k w_k Normal((z - z_k, log(M_k^-1 M)); 0, H_k^-1)

The encoder gives a first guess of z at each pose that a search kept, and Gauss-Newton steps lower
`-log p(x, z, M)` in code and pose together. The normal of least divergence from the posterior has
the mean curvature of its own draws as its precision, and their mean gradient is zero. In many
dimensions that is far from the peak. Two rounds of two opposite points, one deviation away along
every axis, therefore give curvature (of the expected example), gradient and loss: H_k is the mean
curvature, the mean gradients lead to z_k and M_k, and w_k follows from the mean loss. What the
encoder says of one pose and of the next one does not matter.

Reference: M. Opper and C. Archambeau, The variational Gaussian approximation revisited, 2009;
docs/decisions/0023-joint-posterior.md.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array, Params
from avae_jax.inference.curvature_posterior import repeated
from avae_jax.inference.joint_problem import Place, joint_problem
from avae_jax.inference.problem import SearchInput, prepare
from avae_jax.inference.search import Problem, SearchResult, gauss_newton
from avae_jax.inference.search.batching import over_pairs
from avae_jax.inference.search.curvature import WIDEST
from avae_jax.models.affine_model import AVAE
from avae_jax.models.objective import canonicalise
from avae_jax.transform.lie import brackets, coordinates

# Steps of Gauss-Newton from the pose of the search and the code of the encoder.
STEPS = 2
# Rounds of two opposite points each: the share of the step that is taken, since the gradients of
# few points are noisy, and what the precision before counts for in the new one.
ROUNDS = ((1.0, 0.0), (0.5, 0.5))
# Optima less than this many standard deviations apart, in code and pose, count once.
APART = 1.0


class Peak(NamedTuple):
    """A normal around an optimum, and the loss `[]` at its centre.

    Attributes:
      root: `[Z + P, Z + P]`, lower triangular, with `precision = root root^T`.
      spread: `[Z + P, Z + P]`, upper triangular, with `covariance = spread spread^T`.
    """

    place: Place
    loss: Array
    root: Array
    spread: Array


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

    def peak(seen: SearchInput, pose: Array) -> Peak:
        guess, _ = avae.model.encode(params, canonicalise(seen.x, pose, avae=avae))
        return _peak(task, seen, Place(guess, pose), latent)

    seen = jax.vmap(lambda one: prepare(one, avae=avae))(x)
    each = chunk and max(1, chunk // (1 + task.size))
    peaks = over_pairs(peak, seen, found.candidates, chunk=each)
    return jax.vmap(lambda peaks: _mixture(peaks, avae=avae))(peaks)


def _peak(task: Problem, seen: SearchInput, place: Place, latent: int) -> Peak:
    """The normal of one example from a first guess of its centre."""
    # A flat direction of the pose, as of a round object, must not reach around the circle.
    floor = np.diag(np.repeat([0, WIDEST**-2], [latent, task.size - latent]).astype(np.float32))

    def climb(place: Place, _: None) -> tuple[Place, tuple[Array, Array, Array]]:
        local = gauss_newton.linearise(task, seen, place)
        root, spread = _roots(local.curvature + floor)
        return task.retract(place, _step(local.gradient, spread)), (local.loss, root, spread)

    first, passed = jax.lax.scan(climb, place, None, length=STEPS)
    begin = Peak(first, *jax.tree.map(lambda leaf: leaf[-1], passed))

    def look(peak: Peak, given: tuple[Array, Array]) -> tuple[Peak, None]:
        signs, (share, keep) = given
        aside = (peak.spread * signs[None]).sum(-1)
        local = _mean_of_two(task, seen, peak.place, aside)
        before = jnp.matmul(peak.root, peak.root.mT, precision="highest")
        root, spread = _roots(keep * before + (1 - keep) * (local.curvature + floor))
        step = share * _step(local.gradient, spread)
        rise = (_squares(step, root) - _squares(aside, root)) / 2
        loss = local.loss + (local.gradient * step).sum() + rise
        return Peak(task.retract(peak.place, step), loss, root, spread), None

    # The same for all examples, so that losses of several optima differ by no other draw.
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (len(ROUNDS), task.size))
    rounds = jnp.asarray(signs, jnp.float32), jnp.asarray(np.array(ROUNDS, np.float32))
    return jax.lax.scan(look, begin, rounds)[0]


def _mean_of_two(
    task: Problem, seen: SearchInput, place: Place, aside: Array
) -> gauss_newton.Local:
    """The mean of loss, gradient and curvature at two opposite points around a place."""
    both = jax.vmap(lambda step: gauss_newton.linearise(task, seen, task.retract(place, step)))(
        jnp.stack([aside, -aside])
    )
    return jax.tree.map(lambda leaf: leaf.mean(0), both)


def _roots(precision: Array) -> tuple[Array, Array]:
    """The lower root of a precision, and the upper root of its inverse."""
    root = jnp.linalg.cholesky(precision)
    eye = jnp.eye(len(root), dtype=root.dtype)
    return root, jax.scipy.linalg.solve_triangular(root.mT, eye)


def _step(gradient: Array, spread: Array) -> Array:
    """The step to the bottom of a parabola, of limited length; none where it is not known."""
    step = -jnp.matmul(spread, jnp.matmul(spread.mT, gradient, precision="highest"))
    step = step * jnp.minimum(1, gauss_newton.LONGEST / (jnp.abs(step).max() + 1e-12))
    return jnp.where(jnp.isfinite(step).all(), step, 0)


def _squares(step: Array, root: Array) -> Array:
    """The squared length `[]` of a step in deviations."""
    scaled = jnp.matmul(root.mT, step, precision="highest")
    return (scaled * scaled).sum()


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
