"""The posterior of pose and code together: a mixture of normals over the optima of a search.

    q(z, M) = sum_k w_k Normal((z - z_k, log(M_k^-1 M)); 0, H_k^-1)
    w_k ~ p(x, z_k, M_k) det(H_k)^-1/2

The encoder gives a first guess of z at each pose that a search kept. Damped Gauss-Newton steps then
lower `-log p(x, z, M)` in code and pose together, and H_k is its curvature there for the expected
example: Laplace's approximation. What the encoder says of one pose and of the next one does not
matter any more (docs/decisions/0023-joint-posterior.md).
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax.core.types import Array, Params
from avae_jax.inference.curvature_posterior import repeated
from avae_jax.inference.problem import SearchInput, prepare
from avae_jax.inference.search import Problem, SearchResult, gauss_newton
from avae_jax.inference.search.batching import over_pairs
from avae_jax.inference.search.curvature import WIDEST
from avae_jax.models.affine_model import AVAE
from avae_jax.models.objective import Outputs, canonicalise, render, search_loss, to_observation
from avae_jax.transform.families import retract
from avae_jax.transform.lie import brackets, coordinates
from avae_jax.transform.prior import prior_residuals

# Steps of Gauss-Newton from the pose of the search and the code of the encoder.
STEPS = 3
# Optima less than this many standard deviations apart, in code and pose, count once.
APART = 1.0


class Place(NamedTuple):
    """An object and where it is: its code `[Z]` and its pose `[d + 1, d + 1]`."""

    code: Array
    pose: Array


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

    def climbed(seen: SearchInput, pose: Array) -> gauss_newton.State:
        guess, _ = avae.model.encode(params, canonicalise(seen.x, pose, avae=avae))
        begin = gauss_newton.begin(task, seen, Place(guess, pose))
        return jax.lax.scan(
            lambda state, _: (gauss_newton.advance(task, seen, state), None),
            begin,
            None,
            length=STEPS,
        )[0]

    seen = jax.vmap(lambda one: prepare(one, avae=avae))(x)
    each = chunk and max(1, chunk // (1 + task.size))
    peaks = over_pairs(climbed, seen, found.candidates, chunk=each)
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


def joint_problem(params: Params, latent: int, *, avae: AVAE) -> Problem:
    """The problem of finding code and pose, whose loss is `-log p(x, z, M)` up to a constant.

    Args:
      latent: Z.
    """

    def predict(seen: SearchInput, place: Place) -> Outputs:
        drawn = render(params, place.code, avae=avae)
        beyond = prior_residuals(avae.group, avae.ranges, place.pose)
        mean = to_observation(drawn, place.pose, avae=avae)
        return Outputs(mean, place.code, jnp.zeros_like(place.code), beyond)

    def moved(place: Place, step: Array) -> Place:
        return Place(place.code + step[:latent], retract(avae.group, place.pose, step[latent:]))

    return Problem(
        predict=predict,
        # The KL of a normal of width 1 around the code is half its square.
        loss=lambda seen, outputs: search_loss(params, seen.wide, outputs, avae=avae),
        retract=moved,
        size=latent + avae.group.size,
        expected=lambda seen, outputs: seen._replace(
            wide=jnp.where(jnp.isnan(seen.wide), seen.wide, outputs.mean)
        ),
    )


def _mixture(peaks: gauss_newton.State, *, avae: AVAE) -> JointPosterior:
    """The mixture over the distinct peaks `[K]` of one example."""
    # A flat direction of the pose, as of a round object, must not reach around the circle.
    latent, size = peaks.pose.code.shape[-1], avae.group.size
    floor = np.diag(np.repeat([0, WIDEST**-2], [latent, size]).astype(np.float32))
    root = jnp.linalg.cholesky(peaks.local.curvature + floor[None])
    heights = -peaks.local.loss - jnp.log(jnp.diagonal(root, axis1=-2, axis2=-1)).sum(-1)
    heights = jnp.where(jnp.isfinite(heights), heights, -jnp.inf)
    order = jnp.argsort(-heights)
    heights, root = heights[order], root[order]
    codes, poses = peaks.pose.code[order], peaks.pose.pose[order]
    usable = jnp.isfinite(heights)[:, None, None]
    eye = jnp.eye(root.shape[-1], dtype=root.dtype)
    whitening = jnp.where(usable, root.mT, eye[None])
    spread = jax.vmap(lambda upper: jax.scipy.linalg.solve_triangular(upper, eye))(whitening)
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
