"""The objective of the search (`avae_jax.models.objective.search_loss`, z at its mean) in PyTorch.

Written for a batch of (example, pose) pairs, as PyTorch wants it: Bernoulli likelihood and
linear interpolation only.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avae_jax.config.options import ModelOptions
from avae_jax.core.types import Params
from avae_jax.models.affine_model import AVAE
from avae_jax.models.likelihoods import EPS
from avae_jax.transform.families import basis
from avae_jax.transform.frame import Frame, support
from avae_jax.transform.prior import WIDTH
from benchmarks.search.torch.networks import carry


class Objective(nn.Module):
    """The loss of pairs, and how their poses move.

    Args:
      params: weights of the flax network of `avae`, described by `network`.

    Raises:
      ValueError: a likelihood, an interpolation or a layout that is not carried over.
    """

    def __init__(self, params: Params, *, avae: AVAE, network: ModelOptions) -> None:
        super().__init__()
        if (avae.likelihood, avae.interpolation) != ("bernoulli", "linear"):
            raise ValueError(f"{avae.likelihood}, {avae.interpolation}: only bernoulli and linear")
        self.avae, d = avae, avae.group.d
        fill = np.asarray(avae.fill, np.float32)
        self.network = carry(params, avae.inner.shape, len(fill), options=network)
        constants = {
            "fill": fill.reshape(-1, *(1,) * d),
            "mask": np.moveaxis(support(avae.inner), -1, 0),
            "generators": basis(avae.group),
            "to_inner": _to_source(avae.inner, avae.inner),
            "to_outer": _to_source(avae.inner, avae.outer),
            "inner": _corners(avae.inner),
            "outer": _corners(avae.outer),
        }
        for name, value in constants.items():
            self.register_buffer(name, torch.tensor(value))

    def prepare(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` needs of observations `[n, C, *S]`, the same for all poses.

        Returns:
          What differs from `fill`, `[n, C, *S]`, and x extended by `fill` to the outer frame.
        """
        sides = zip(self.avae.outer.shape[::-1], self.avae.inner.shape[::-1], strict=True)
        rims = [r for big, n in sides for r in ((big - n) // 2,) * 2]
        content = x - self.fill
        return content, F.pad(content, rims) + self.fill

    def forward(self, content: Tensor, wide: Tensor, pose: Tensor, inverse: Tensor) -> Tensor:
        """The loss `[n]` of pairs: nll + KL + prior.

        Args:
          content, wide: observations after `prepare`.
          pose, inverse: `[n, d + 1, d + 1]`, from the observation to the canonical frame, and
            back.
        """
        canonical = _sample(content, inverse[:, :-1] * self.to_inner, self.inner) + self.fill
        mu, logvar = self.network.encode(canonical)
        drawn = self.mask * (torch.sigmoid(self.network.decode(mu)) - self.fill)
        seen = _sample(drawn, pose[:, :-1] * self.to_outer, self.outer) + self.fill
        p = EPS + (1 - 2 * EPS) * seen
        nll = F.binary_cross_entropy(p, wide, reduction="none").flatten(1).sum(1)
        kl = (logvar.exp() + mu * mu - 1 - logvar).sum(1) / 2
        return nll + kl + self._prior(inverse)

    def retract(self, pose: Tensor, inverse: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """`pose exp(sum_i alpha_i G_i)`, `alpha: [n, P]`, and the inverse of that."""
        step = torch.einsum("np,pij->nij", alpha, self.generators)
        there, back = torch.linalg.matrix_exp(torch.stack([step, -step]))
        return pose @ there, back @ inverse

    def _prior(self, inverse: Tensor) -> Tensor | float:
        """As `avae_jax.transform.prior.prior_residuals`: half their square."""
        group, ranges = self.avae.group, self.avae.ranges
        beyond = []
        if group.has("shift"):
            beyond.append(inverse[:, :-1, -1].abs() - 2 * ranges.shift)
        turned = group.has("rotation") and ranges.rotation < 180
        if turned or group.reaches("scale") or group.reaches("shear"):
            rotation, shear, log_scale = _factorise(inverse[:, :-1, :-1])
            if group.reaches("scale"):
                beyond.append(log_scale.abs() - math.log(ranges.scale))
            if group.reaches("shear"):
                beyond.append(shear.abs() - ranges.shear)
            if turned:
                beyond.append(_angle(rotation)[:, None] - math.radians(ranges.rotation))
        if not beyond:
            return 0.0
        return (torch.cat(beyond, 1).relu() / WIDTH).square().sum(1) / 2


def _sample(content: Tensor, pull: Tensor, grid: Tensor) -> Tensor:
    """What pixels of a grid see in `content: [n, C, *S]`, zero outside of it.

    Args:
      pull: `[n, d, d + 1]`, from the cube [-1, 1]^d of the grid to that of `content`.
      grid: `[d + 1, *T]`, see `_corners`.
    """
    # One product for all pairs: `affine_grid` makes one of 3 columns for each, four times slower.
    where = pull.flip(1).flatten(0, 1) @ grid.flatten(1)
    where = where.view(*pull.shape[:2], *grid.shape[1:]).movedim(1, -1)
    return F.grid_sample(content, where, padding_mode="zeros", align_corners=True)


def _corners(grid: Frame) -> np.ndarray:
    """Homogeneous coordinates `[d + 1, *T]` of pixels; the corner ones lie at -1 and 1."""
    axes = [np.linspace(-1, 1, n, dtype=np.float32) for n in grid.shape]
    return np.stack([*np.meshgrid(*axes, indexing="ij"), np.ones(grid.shape, np.float32)])


def _to_source(source: Frame, target: Frame) -> np.ndarray:
    """Factors `[d, d + 1]` from a pull matrix to one between cubes as of `_corners`."""
    back = 2 * source.unit / (np.asarray(source.spacing) * (np.asarray(source.shape) - 1))
    into = np.asarray(target.spacing) * (np.asarray(target.shape) - 1) / (2 * target.unit)
    return np.outer(back, [*into, 1]).astype(np.float32)


def _factorise(linear: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Rotation `[n, d, d]`, shear `[n, d (d - 1) / 2]`, log of scale `[n, d]` of `[n, d, d]`."""
    d, axes, lengths, shear = linear.shape[-1], [], [], {}
    for j in range(d):
        column = linear[:, :, j]
        for i, axis in enumerate(axes):
            shear[i, j] = (axis * column).sum(1)
            column = column - shear[i, j][:, None] * axis
        lengths.append(torch.linalg.vector_norm(column, dim=1))
        axes.append(column / lengths[-1][:, None])
    # A mirror image is a negative scale of the last axis.
    sign = torch.linalg.det(linear.detach()).sign()
    axes[-1] = axes[-1] * sign[:, None]
    last = {d - 1: sign}
    entries = [
        shear[i, j] / lengths[j] * last.get(j, 1.0) for i in range(d) for j in range(i + 1, d)
    ]
    return torch.stack(axes, 2), torch.stack(entries, 1), torch.stack(lengths, 1).log()


def _angle(rotation: Tensor) -> Tensor:
    """Angle `[n]` in radians of rotations `[n, d, d]`, kept off zero as in JAX."""
    eye = torch.eye(rotation.shape[-1], device=rotation.device)
    chord = torch.linalg.matrix_norm(rotation + 1e-6 * eye - eye)
    return 2 * torch.arcsin((chord / (2 * math.sqrt(2))).clamp(0, 1))
