"""The objective: the negative ELBO of one example at one pose.

    L(x, alpha) = -log p(x | tau_alpha^-1(decode(z))) + KL(q(z | tau_alpha(x)) || p(z)),
    z ~ q(z | tau_alpha(x)) = encode(tau_alpha(x))

The likelihood is measured in the frame of the observation, against the untouched x.
Decoded content is confined to the support, the ball that no rotation moves out of the
frame. For other families x is extended by `fill` to the frame that holds the support
under every pose in range. Otherwise the model could hide content outside of the likelihood.

Reference: R. Bidart and A. Wong, Affine variational autoencoders, arXiv 1905.05300, 2019.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from avae_jax.core.types import Array, Key, Params
from avae_jax.models.affine_model import AVAE
from avae_jax.models.argument_checks import require_observation, require_posed
from avae_jax.models.likelihoods import LIKELIHOODS, gaussian_kl
from avae_jax.models.observed import filled, known, moved
from avae_jax.transform.frame import support
from avae_jax.transform.matrices import inverse
from avae_jax.transform.prior import prior_residuals
from avae_jax.transform.warp import pull, warp


class Outputs(NamedTuple):
    """The prediction at a pose; the loss is convex in it.

    Attributes:
      mean: `[*outer.shape, C]`, mean of every pixel in the frame of the observation.
      mu, logvar: `[Z]`, the posterior of the canonical object.
      prior_residuals: half their squared norm is the prior on the pose, in nats.
    """

    mean: Array
    mu: Array
    logvar: Array
    prior_residuals: Array


class Reconstruction(NamedTuple):
    """The decoded object of an observation at a pose.

    Attributes:
      drawn: `[*S, C]`, the canonical object.
      mu, logvar: `[Z]`, its posterior.
    """

    drawn: Array
    mu: Array
    logvar: Array


class Terms(NamedTuple):
    """Terms of the objective in nats, each `[]`.

    The reported loss is `nll + kl`; the search also minimises `prior`.

    >>> import avae_jax
    >>> terms = avae_jax.Terms(nll=80.0, kl=16.0, prior=0.0)
    >>> terms.nll + terms.kl
    96.0
    """

    nll: Array
    kl: Array
    prior: Array


def elbo(params: Params, key: Key | None, x: Array, pose: Array, *, avae: AVAE) -> Terms:
    """The terms of the negative ELBO of one example at one pose.

    Args:
      key: samples z; `None` takes its mean, as in a search outside of training.
      x: `[*S, C]`, the observation; NaN where a pixel was not observed, if `avae.masked`.
      pose: `[d + 1, d + 1]`, carries the observation to the canonical pose.

    Returns:
      Terms in nats, differentiable in `params` and in `pose`.

    Raises:
      InputError: an observation or a pose of another shape, type or range.

    >>> import numpy as np, avae_jax
    >>> params, avae, *_ = avae_jax.pretrained("digits").trained
    >>> x = np.zeros((24, 24, 1), np.float32)
    >>> x[6:18, 11:13] = 1
    >>> terms = avae_jax.elbo(params, None, x, np.eye(3, dtype=np.float32), avae=avae)
    >>> bool(terms.nll > 0)
    True
    """
    return explain(params, key, x, pose, avae=avae)[0]


def explain(
    params: Params, key: Key | None, x: Array, pose: Array, *, avae: AVAE
) -> tuple[Terms, Reconstruction]:
    """The terms of `elbo`, with its arguments and errors, and the object decoded for them."""
    require_posed("elbo", x, pose, avae=avae)
    require_observation("elbo: x", x, avae=avae)
    x, pose = jnp.asarray(x), jnp.asarray(pose)
    drawn = reconstruct_canonical(params, key, x, pose, avae=avae)
    outputs = render_at_pose(drawn, pose, avae=avae)
    return terms(params, pad_to_outer(x, avae=avae), outputs, avae=avae), drawn


def predict(params: Params, key: Key | None, x: Array, pose: Array, *, avae: AVAE) -> Outputs:
    """The prediction of the model for `x: [*S, C]` at `pose`; arguments as for `elbo`."""
    return render_at_pose(reconstruct_canonical(params, key, x, pose, avae=avae), pose, avae=avae)


def reconstruct_canonical(
    params: Params, key: Key | None, x: Array, pose: Array, *, avae: AVAE
) -> Reconstruction:
    """The decoded object of `x: [*S, C]` at `pose`; arguments as for `elbo`."""
    mu, logvar = avae.model.encode(params, canonicalise(x, pose, avae=avae))
    z = mu if key is None else sample(key, mu, logvar)
    return Reconstruction(render(params, z, avae=avae), mu, logvar)


def sample(key: Key, mu: Array, logvar: Array) -> Array:
    """A latent code `[Z]` drawn from the posterior `mu, logvar: [Z]`."""
    return mu + jnp.exp(logvar / 2) * jax.random.normal(key, mu.shape, mu.dtype)


def render_at_pose(explanation: Reconstruction, pose: Array, *, avae: AVAE) -> Outputs:
    """The prediction if the decoded object is at `pose`."""
    drawn, mu, logvar = explanation
    mean = to_observation(drawn, pose, avae=avae)
    return Outputs(mean, mu, logvar, prior_residuals(avae.group, avae.ranges, pose))


def canonicalise(x: Array, pose: Array, *, avae: AVAE) -> Array:
    """tau_alpha: carries an observation `[*S, C]` to the canonical frame; errors as `elbo`.

    >>> import numpy as np, avae_jax
    >>> avae = avae_jax.pretrained("digits").trained.avae
    >>> x = np.zeros((24, 24, 1), np.float32)
    >>> x[6:18, 11:13] = 1
    >>> right = np.float32([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    >>> bool(np.allclose(avae_jax.canonicalise(x, right, avae=avae), np.rot90(x), atol=1e-5))
    True
    """
    require_posed("canonicalise", x, pose, avae=avae)
    x, pose = jnp.asarray(x), jnp.asarray(pose)
    matrix, fill = inverse(pose), avae.fill.astype(x.dtype)
    image = shown(x, avae=avae)
    return pull(
        image, matrix, fill, source=avae.inner, target=avae.inner, interpolation=avae.interpolation
    )


def shown(x: Array, *, avae: AVAE) -> Array:
    """The encoder's input for an observation `[*S, C]`: `fill` where it was not observed."""
    return filled(x, avae.fill) if avae.masked else x


def turned(x: Array, pose: Array, *, avae: AVAE) -> Array:
    """An observation `[*S, C]` moved by `pose`; NaN (not observed) moves with it."""

    def move(image: Array, fill: Array) -> Array:
        return warp(image, pose, fill, source=avae.inner, target=avae.inner)

    return moved(x, avae.fill, move) if avae.masked else move(x, avae.fill)


def render(params: Params, z: Array, *, avae: AVAE) -> Array:
    """The canonical object of `z: [Z]`, `[*S, C]`, confined to the support."""
    mask, decoded = support(avae.inner), avae.model.decode(params, z)
    background = jnp.broadcast_to(avae.fill.astype(decoded.dtype), decoded.shape)
    return jnp.where(mask > 0, decoded, background)


def to_observation(drawn: Array, pose: Array, *, avae: AVAE) -> Array:
    """tau_alpha^-1: carries a canonical object `[*S, C]` to the observation's outer frame."""
    # The pull matrix of the inverse of the pose is the pose itself.
    return pull(
        drawn,
        pose,
        avae.fill.astype(drawn.dtype),
        source=avae.inner,
        target=avae.outer,
        interpolation=avae.interpolation,
    )


def terms(params: Params, observed: Array, outputs: Outputs, *, avae: AVAE) -> Terms:
    """The terms of the objective given the prediction at a pose.

    Args:
      observed: `[*outer.shape, C]`, the observation after `pad_to_outer`.
    """
    given = {"weight": known(observed)} if avae.masked else {}
    observed = shown(observed, avae=avae)
    likelihood = LIKELIHOODS[avae.likelihood]
    log_sigma = avae.model.log_sigma(params) if likelihood.scale else None
    nll = likelihood.nll(observed, outputs.mean, log_sigma, **given)
    kl = gaussian_kl(outputs.mu, outputs.logvar)
    beyond = outputs.prior_residuals
    return Terms(nll, kl, (beyond * beyond).sum() / 2)


def pad_to_outer(x: Array, *, avae: AVAE) -> Array:
    """`x: [*S, C]` extended by `fill` to the outer frame."""
    if avae.inner.shape == avae.outer.shape:
        return x
    sizes = zip(avae.outer.shape, avae.inner.shape, strict=True)
    middle = tuple(slice((big - n) // 2, (big - n) // 2 + n) for big, n in sizes)
    background = jnp.broadcast_to(avae.fill.astype(x.dtype), (*avae.outer.shape, x.shape[-1]))
    return background.at[middle].set(x)


def search_loss(params: Params, observed: Array, outputs: Outputs, *, avae: AVAE) -> Array:
    """The loss of the search, `[]`: all terms, including the prior on the pose."""
    return sum(terms(params, observed, outputs, avae=avae))  # type: ignore


def crop_to_inner(image: Array, *, avae: AVAE) -> Array:
    """The part of `[*outer.shape, C]` in the frame of the observation."""
    sizes = zip(avae.outer.shape, avae.inner.shape, strict=True)
    return image[tuple(slice((big - n) // 2, (big - n) // 2 + n) for big, n in sizes)]
