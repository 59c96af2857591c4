"""What a network outside of JAX costs a search: the same weights in PyTorch and in JAX.

    python -m benchmarks.foreign --examples 256

A dense VAE (two hidden layers) with the same random weights is wrapped twice: as PyTorch
modules called back from the compiled search, and as functions of `jax.numpy`. Both search
the same turned digits (8 x 8, blown up to 32 x 32); what is printed is time per example,
compilation left out, and how far the losses found differ.
"""

import argparse
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch
from sklearn.datasets import load_digits

import avae_jax

SIDE, WIDTH, LATENT = 32, 512, 8
SIZES = ((SIDE**2, WIDTH, WIDTH, 2 * LATENT), (LATENT, WIDTH, WIDTH, SIDE**2))


def digits(count: int) -> np.ndarray:
    """Handwritten digits `[n, 32, 32, 1]` in [0, 1]."""
    images = np.kron(load_digits().images[:count] / 16, np.ones((4, 4)))
    return np.float32(images[..., None])


def modules() -> list[torch.nn.Sequential]:
    """Encoder and decoder with random weights, always the same."""
    torch.manual_seed(0)
    made = []
    for sizes in SIZES:
        layers = [
            layer
            for before, after in zip(sizes[:-1], sizes[1:], strict=True)
            for layer in (torch.nn.Linear(before, after), torch.nn.ReLU())
        ]
        made.append(torch.nn.Sequential(*layers[:-1]))
    return made


def in_torch(encoder: torch.nn.Module, decoder: torch.nn.Module) -> tuple:
    """The two as `on_host` wraps them, and no weights."""

    @torch.inference_mode()
    def encode(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, logvar = encoder(torch.tensor(x).flatten(1)).chunk(2, dim=1)
        return mean.numpy(), logvar.numpy()

    @torch.inference_mode()
    def decode(z: np.ndarray) -> np.ndarray:
        return torch.sigmoid(decoder(torch.tensor(z))).reshape(-1, SIDE, SIDE, 1).numpy()

    return *avae_jax.on_host(encode, decode, shape=(SIDE, SIDE, 1), latent=LATENT), None


def in_jax(*networks: torch.nn.Module) -> tuple:
    """The same functions of `jax.numpy`, and the weights of the modules."""
    params = [
        [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in network[::2]]
        for network in networks
    ]

    def dense(layers: list, x: jax.Array) -> jax.Array:
        for weight, bias in layers[:-1]:
            x = jax.nn.relu(weight @ x + bias)
        weight, bias = layers[-1]
        return weight @ x + bias

    def encode(params: list, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        mean, logvar = jnp.split(dense(params[0], x.reshape(-1)), 2)
        return mean, logvar

    def decode(params: list, z: jax.Array) -> jax.Array:
        return jax.nn.sigmoid(dense(params[1], z)).reshape(SIDE, SIDE, 1)

    return encode, decode, params


def timed(find: Callable, x: np.ndarray, rounds: int) -> tuple[np.ndarray, float]:
    """Losses that a search finds, and the least milliseconds an example of several rounds."""
    losses, spent = find(x).loss, []
    for _ in range(rounds):
        began = time.perf_counter()
        find(x)
        spent.append(time.perf_counter() - began)
    return losses, min(spent) / len(x) * 1e3


def main() -> None:
    """Prints a line for each way."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    flags = parser.parse_args()
    x, networks = digits(flags.examples), modules()
    turned = np.ascontiguousarray(np.rot90(x, axes=(1, 2)))
    found = {}
    for name, made in {"PyTorch": in_torch(*networks), "JAX": in_jax(*networks)}.items():
        posed = avae_jax.Posed.wrap(*made, x)
        found[name], each = timed(posed.find, turned, flags.rounds)
        print(f"{name}: {each:.2f} ms an example, mean loss {found[name].mean():.2f}", flush=True)
    print(f"losses differ by {np.abs(found['PyTorch'] - found['JAX']).max():.3g} nats at most")


if __name__ == "__main__":
    main()
