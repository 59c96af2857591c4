"""Layers without weights that PyTorch lacks: what moves pixels, pads and crops."""

import torch.nn.functional as F
from torch import Tensor, nn

from avae_jax.core.types import Shape


class Flat(nn.Module):
    """`[n, C, *S] -> [n, prod(S) C]`, channels running fastest."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1).flatten(1)


class Unflat(nn.Module):
    """`[n, prod(S) C] -> [n, C, *S]`, the inverse of `Flat`."""

    def __init__(self, shape: Shape, channels: int) -> None:
        super().__init__()
        self.sizes = (*shape, channels)

    def forward(self, h: Tensor) -> Tensor:
        return h.unflatten(1, self.sizes).movedim(-1, 1)


class ChannelsLast(nn.Module):
    """`[n, C, *S] -> [n, *S, C]`."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1)


class ChannelsFirst(nn.Module):
    """`[n, *S, C] -> [n, C, *S]`."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(-1, 1)


class Joined(nn.Module):
    """`[n, *S, C] -> [n, *S/2, 2^d C]`, as `avae_jax.models.networks.conv.space_to_depth`."""

    def forward(self, x: Tensor) -> Tensor:
        n, *shape, channels = x.shape
        d = len(shape)
        split = x.reshape(n, *(part for side in shape for part in (side // 2, 2)), channels)
        order = (0, *range(1, 2 * d, 2), *range(2, 2 * d + 1, 2), 2 * d + 1)
        return split.permute(order).reshape(n, *(side // 2 for side in shape), -1)


class Parted(nn.Module):
    """`[n, *S, 2^d C] -> [n, *2S, C]`, the inverse of `Joined`."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.d = d

    def forward(self, x: Tensor) -> Tensor:
        n, *shape, channels = x.shape
        d = self.d
        split = x.reshape(n, *shape, *(2,) * d, channels // 2**d)
        order = (0, *(axis for i in range(1, d + 1) for axis in (i, d + i)), 2 * d + 1)
        return split.permute(order).reshape(n, *(2 * side for side in shape), -1)


class Mirror(nn.Module):
    """`[n, C, *S]` mirrored along all of its `d` axes."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.axes = tuple(range(2, 2 + d))

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(self.axes)


class Pad(nn.Module):
    """`[n, C, *S]` with zeros around it: pixels at the near and far end, last axis first."""

    def __init__(self, rims: list[int]) -> None:
        super().__init__()
        self.rims = rims

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.rims)


class Crop(nn.Module):
    """The first `shape` pixels of `[n, C, *S]`."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.slices = (..., *(slice(n) for n in shape))

    def forward(self, x: Tensor) -> Tensor:
        return x[self.slices]
