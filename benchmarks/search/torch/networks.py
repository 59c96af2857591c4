"""The networks of `avae_jax.models` in PyTorch, with the same weights.

Arrays are `[n, C, *S]` here, as PyTorch has them; in memory they are channels last, so that
flattening in the order of the JAX networks costs nothing.

Where a strided convolution needs an odd number of pixels of padding, JAX adds the last one
at the far end of an axis, PyTorch at the near end. The convolutional network is therefore
carried over as its mirror image along every axis: no layer has to pad or crop by a copy.
"""

import functools
import math

import numpy as np
import torch
from torch import Tensor, nn

from avae_jax.config.options import ModelOptions
from avae_jax.core.types import Params, Shape
from avae_jax.models.networks.conv import padded
from avae_jax.models.networks.original import BOTTLENECK
from avae_jax.models.networks.patches import FIRST, halvings
from benchmarks.search.torch.layers import (
    ChannelsFirst,
    ChannelsLast,
    Crop,
    Flat,
    Joined,
    Mirror,
    Pad,
    Parted,
    Unflat,
)

CONV = {2: nn.Conv2d, 3: nn.Conv3d}
CONV_TRANSPOSE = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
CHANNELS_LAST = {2: torch.channels_last, 3: torch.channels_last_3d}


class Network(nn.Module):
    """A VAE: `encode` gives mean and log-variance `[n, Z]`, `decode` logits `[n, C, *S]`."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mu, logvar = self.encoder(x).chunk(2, 1)
        return mu, logvar

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)


def carry(params: Params, shape: Shape, channels: int, *, options: ModelOptions) -> Network:
    """The network of the flax `params` of `avae_jax.models.build`, same arguments.

    Its weights are constants and its convolutions channels last.

    Raises:
      ValueError: a layout that is not carried over.
    """
    patches = functools.partial(_patches, widths=options.channels)
    layouts = {"dense": _dense, "patches": patches, "original": _source}
    if options.name not in layouts:
        raise ValueError(f"model.name={options.name}: PyTorch has only {', '.join(layouts)}")
    encoder, decoder = params["params"]["encoder"], params["params"]["decoder"]
    network = layouts[options.name](encoder, decoder, tuple(shape), channels)
    return network.eval().requires_grad_(False).to(memory_format=CHANNELS_LAST[len(shape)])


def _dense(encoder: Params, decoder: Params, shape: Shape, channels: int) -> Network:
    up = _perceptron(decoder)
    return Network(
        nn.Sequential(Flat(), *_perceptron(encoder)), nn.Sequential(*up, Unflat(shape, channels))
    )


def _perceptron(layers: Params) -> list[nn.Module]:
    return _between([_linear(layers[f"Dense_{i}"]) for i in range(len(layers))])


def _patches(
    encoder: Params, decoder: Params, shape: Shape, channels: int, *, widths: Shape
) -> Network:
    d, stages, count = len(shape), len(widths), halvings(widths)
    full = padded(shape, count)
    rims = [rim for n, side in zip(full[::-1], shape[::-1], strict=True) for rim in (0, n - side)]
    inner, outer = (
        [_linear(layers[f"Dense_{i}"]) for i in range(len(layers))] for layers in (encoder, decoder)
    )
    down: list[nn.Module] = [Pad(rims), ChannelsLast()]
    down += [Joined()] * (FIRST - 1)
    for layer in inner[:stages]:
        down += [Joined(), layer, nn.ReLU()]
    down += [nn.Flatten(), *_between(inner[stages:])]
    # Dense layers, the first stage's among them; stages; what is left is pixels.
    dense = len(outer) - stages
    start = tuple(side // 2**count for side in full)
    up = [*_between(outer[:dense]), nn.ReLU(), nn.Unflatten(1, (*start, widths[-1]))]
    for layer in outer[dense:-1]:
        up += [layer, nn.ReLU(), Parted(d)]
    up += [outer[-1], *[Parted(d)] * FIRST, ChannelsFirst(), Crop(shape)]
    return Network(nn.Sequential(*down), nn.Sequential(*up))


def _between(layers: list[nn.Module]) -> list[nn.Module]:
    """Layers with ReLU between them."""
    return [step for layer in layers for step in (layer, nn.ReLU())][:-1]


def _source(encoder: Params, decoder: Params, shape: Shape, channels: int) -> Network:
    d, small = len(shape), tuple(-(-n // 4) for n in shape)
    down: list[nn.Module] = [Mirror(d)]
    sides = shape
    for i, stride in enumerate((1, 2, 2)):
        down += [_conv(encoder[f"Conv_{i}"], stride, sides), nn.ELU(inplace=True)]
        sides = tuple(-(-n // stride) for n in sides)
    # Both heads in one product.
    heads = [encoder["Dense_0"], encoder["Dense_1"]]
    kernel, bias = (np.concatenate([h[k] for h in heads], -1) for k in ("kernel", "bias"))
    head = {"kernel": _mirrored(kernel.T, small).T, "bias": bias}
    down += [_conv(encoder["Conv_3"], 1, small), Flat(), _linear(head)]
    first = {name: _mirrored(value, small) for name, value in decoder["Dense_0"].items()}
    up: list[nn.Module] = [_linear(first), Unflat(small, BOTTLENECK)]
    for i, stride in enumerate((1, 2, 2)):
        up += [_conv_transpose(decoder[f"ConvTranspose_{i}"], stride), nn.ELU(inplace=True)]
    up += [_conv(decoder["Conv_0"], 1, shape), Mirror(d), Crop(shape)]
    return Network(nn.Sequential(*down), nn.Sequential(*up))


def _mirrored(weight: np.ndarray, shape: Shape) -> np.ndarray:
    """`[..., prod(shape) BOTTLENECK]`, weights of the flat features, for the mirror image."""
    split = np.asarray(weight).reshape(-1, *shape, BOTTLENECK)
    return np.flip(split, range(1, 1 + len(shape))).reshape(weight.shape)


def _conv(layer: Params, stride: int, sides: Shape) -> nn.Module:
    """The mirror image of `flax.linen.Conv` with padding SAME, for inputs of `sides`."""
    *kernel, width_in, width_out = layer["kernel"].shape
    wanted = [
        max((-(-n // stride) - 1) * stride + k - n, 0) for n, k in zip(sides, kernel, strict=True)
    ]
    # Padding one too many at the far end changes nothing where the stride steps over it.
    conv = CONV[len(sides)](
        width_in, width_out, tuple(kernel), stride, tuple(m - m // 2 for m in wanted)
    )
    return _filled(conv, layer, flip=True)


def _conv_transpose(layer: Params, stride: int) -> nn.Module:
    """The mirror image of `flax.linen.ConvTranspose` with padding SAME, stride 1 or 2.

    JAX correlates the input, spread out and padded, with the kernel; PyTorch takes the
    gradient of a convolution, which is the same with the kernel mirrored.
    """
    *kernel, width_in, width_out = layer["kernel"].shape
    d = len(kernel)
    far = [math.ceil((k + stride - 2) / 2) for k in kernel]
    if stride == 1:
        # An ordinary convolution; PyTorch has no transposed one with this padding.
        conv = CONV[d](width_in, width_out, tuple(kernel))
        rims = [r for k, f in zip(kernel[::-1], far[::-1], strict=True) for r in (k - 1 - f, f)]
        return nn.Sequential(Pad(rims), _filled(conv, layer, flip=True))
    near = [1 - stride + f for f in far]
    extra = [n - (k - 1 - f) for n, k, f in zip(near, kernel, far, strict=True)]
    conv = CONV_TRANSPOSE[d](width_in, width_out, tuple(kernel), stride, tuple(near), tuple(extra))
    return _filled(conv, layer, flip=False)


def _linear(layer: Params) -> nn.Module:
    return _filled(nn.Linear(*layer["kernel"].shape), layer, flip=False)


def _filled(module: nn.Module, layer: Params, *, flip: bool) -> nn.Module:
    """`module` with the weights of a flax layer, whose axes are `[*kernel, in, out]`."""
    kernel, bias = (torch.tensor(np.array(layer[name])) for name in ("kernel", "bias"))
    d = kernel.ndim - 2
    if flip:
        kernel = kernel.flip(*range(d))
    # Only transposed convolutions keep `in` before `out`.
    transposed = isinstance(module, tuple(CONV_TRANSPOSE.values()))
    first = (d, d + 1) if transposed else (d + 1, d)
    with torch.no_grad():
        module.weight.copy_(kernel.permute(*first, *range(d)))
        module.bias.copy_(bias)
    return module
