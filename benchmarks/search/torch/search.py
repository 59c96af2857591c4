"""The search of the original work in PyTorch, tuned as well as its users would.

Scores all starts, keeps the best few, refines them by Adam on alpha, returns the best pose
met: `avae_jax.inference.search.search` with `method=adam` and `distance=0`, on the same network,
weights, objective and starts. What makes it fast: no gradient but that of alpha, inference
mode for scores, many (example, pose) pairs a call, channels last.
"""

import os
import statistics
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from avae_jax.config.options import ModelOptions
from avae_jax.core.types import Params
from avae_jax.models.affine_model import AVAE
from benchmarks.search.torch.objective import Objective

# Fastest or near it on CPUs: 40 x 40 convolutional and dense, 32^3 dense.
CHUNK = 64


def search(
    params: Params,
    x: np.ndarray,
    starts: np.ndarray,
    *,
    avae: AVAE,
    network: ModelOptions,
    keep: int,
    steps: int,
    learning_rate: float = 0.03,
    chunk: int = CHUNK,
    device: str = "cpu",
) -> np.ndarray:
    """Searches the pose of every example.

    Args:
      params: flax weights of the network of `avae`, described by `network`.
      x: `[n, *S, C]`, the observations.
      starts: `[n, R, d + 1, d + 1]`, poses from the observation to the canonical frame.
      keep: starts refined for each example.
      steps: Adam steps.
      chunk: pairs of example and pose worked at once.

    Returns:
      Poses `[n, d + 1, d + 1]`.
    """
    objective = Objective(params, avae=avae, network=network).to(device)
    recipe = {"keep": keep, "steps": steps, "learning_rate": learning_rate, "chunk": chunk}
    return search_with(objective, x, starts, **recipe)


def ms_per_example(
    objective: Objective,
    x: np.ndarray,
    starts: np.ndarray,
    *,
    batch: int,
    least: float = 0.0,
    **recipe: float,
) -> tuple[float, np.ndarray]:
    """Milliseconds an example (median over batches), and the poses found `[n, d + 1, d + 1]`.

    With a C++ compiler at hand, `objective.compile(dynamic=False)` before makes it faster
    still; then every batch should hold a whole number of chunks, or each remainder is
    compiled apart.

    Args:
      batch: examples a call of `search_with`; the first batch is run once more, before, to
        warm up.
      least: seconds that are timed at least; further rounds are if one takes less.
      recipe: `keep`, `steps`, `learning_rate`, `chunk`.
    """
    torch.set_num_threads(cores())
    search_with(objective, x[:batch], starts[:batch], **recipe)
    parts = [slice(first, first + batch) for first in range(0, len(x), batch)]
    seconds, each, poses = 0.0, [], []
    while len(poses) < len(parts) or seconds < least:
        part = parts[len(each) % len(parts)]
        began = time.perf_counter()
        # Ends on the host, so that nothing is left running on a device.
        found = search_with(objective, x[part], starts[part], **recipe)
        spent = time.perf_counter() - began
        each.append(1000 * spent / len(found))
        seconds += spent
        poses += [found] if len(poses) < len(parts) else []
    return statistics.median(each), np.concatenate(poses)


def cores() -> int:
    """Cores this process may run on: more threads than that wait for each other, spinning."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def search_with(
    objective: Objective,
    x: np.ndarray,
    starts: np.ndarray,
    *,
    keep: int,
    steps: int,
    learning_rate: float = 0.03,
    chunk: int = CHUNK,
) -> np.ndarray:
    """Like `search`, with an objective built before."""
    device = objective.fill.device
    images = torch.tensor(np.asarray(x), device=device).movedim(-1, 1).contiguous()
    data = objective.prepare(images)
    poses = torch.tensor(np.asarray(starts), device=device)
    inverses = torch.linalg.inv(poses)
    with torch.inference_mode():
        scores = [objective(*part) for part in _chunks(data, poses, inverses, chunk)]
        scores = _finite(torch.cat(scores)).view(poses.shape[:2])
        taken = scores.topk(min(keep, poses.shape[1]), largest=False).indices[..., None, None]
    poses, inverses = (torch.take_along_dim(m, taken, 1) for m in (poses, inverses))
    refined = [
        _refine(objective, *part, steps=steps, learning_rate=learning_rate)
        for part in _chunks(data, poses, inverses, chunk)
    ]
    found, losses = (torch.cat(parts) for parts in zip(*refined, strict=True))
    best = losses.view(poses.shape[:2]).argmin(1)[:, None, None, None]
    return torch.take_along_dim(found.view_as(poses), best, 1)[:, 0].cpu().numpy()


def _chunks(
    data: tuple[Tensor, Tensor], poses: Tensor, inverses: Tensor, chunk: int
) -> Iterator[tuple[Tensor, ...]]:
    """`(content, wide, pose, inverse)` of all pairs of an example and one of its poses."""
    pairs = torch.arange(poses.shape[0] * poses.shape[1], device=poses.device)
    for part in pairs.split(chunk):
        example = part // poses.shape[1]
        yield *(leaf[example] for leaf in data), *(m.flatten(0, 1)[part] for m in (poses, inverses))


def _refine(
    objective: Objective,
    content: Tensor,
    wide: Tensor,
    pose: Tensor,
    inverse: Tensor,
    *,
    steps: int,
    learning_rate: float,
) -> tuple[Tensor, Tensor]:
    """Refines pairs; the best poses met `[m, d + 1, d + 1]` and their losses `[m]`."""
    alpha = torch.zeros(len(pose), len(objective.generators), device=pose.device)
    alpha.requires_grad_()
    adam = torch.optim.Adam([alpha], lr=learning_rate)
    best, lowest = pose, torch.full_like(pose[:, 0, 0], torch.inf)
    for step in range(steps + 1):
        last = step == steps
        with torch.inference_mode(last):
            there, back = objective.retract(pose, inverse, alpha)
            loss = objective(content, wide, there, back)
            value = _finite(loss.detach())
            best = torch.where((value < lowest)[:, None, None], there.detach(), best)
            lowest = torch.minimum(value, lowest)
        if not last:
            # The loss of a pair depends on its own alpha only.
            (alpha.grad,) = torch.autograd.grad(loss.sum(), alpha)
            adam.step()
    return best, lowest


def _finite(loss: Tensor) -> Tensor:
    """What is not a number never wins."""
    return loss.nan_to_num(torch.inf, posinf=torch.inf)
