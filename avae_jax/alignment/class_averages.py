"""Alignment of noisy images by maximum likelihood over class averages, without a VAE.

On noisy stacks soft assignment over averages finds better poses than a VAE trained from scratch,
in a tenth of the time (docs/decisions/0001-em-before-vae.md).
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from avae_jax.alignment.class_losses import Scored, scored
from avae_jax.alignment.half_sets import Halves, aligned_apart, require_halves
from avae_jax.alignment.job import Known, Work
from avae_jax.alignment.model_frame import Framing, framing, shown
from avae_jax.alignment.programs import Found
from avae_jax.alignment.quarter_turns import told
from avae_jax.alignment.stack_statistics import Survey, piece
from avae_jax.config.options import DataOptions, Options, SearchOptions
from avae_jax.core.errors import InputError
from avae_jax.core.types import Array
from avae_jax.data.formats import Stack, blocks
from avae_jax.data.intensity import Scaling
from avae_jax.data.resize import fill_value, frame_sides
from avae_jax.inference.averaging import ClassAlignment, align_images
from avae_jax.inference.averaging.align import CLASSES
from avae_jax.inference.averaging.volumes import align_volumes
from avae_jax.inference.search import resolve_search
from avae_jax.inference.trained import Trained
from avae_jax.models import Model
from avae_jax.models.affine_model import AVAE, affine_vae
from avae_jax.transform.families import parse_family
from avae_jax.transform.frame import make_frame

# Pixels, by dimension: larger examples are shrunk to it for the search of poses.
MOST_SIDE = {2: 64, 3: 32}
MOST_BYTES = {2: 2**32, 3: 2**28}  # of all examples, as they are searched
CODES = 8  # at most, of the averages along their principal axes


def averaged(
    stack: Stack,
    surveyed: Survey,
    options: Options,
    *,
    classes: int,
    reconstructions: bool,
    halves: str = "together",
) -> Work:
    """The work of aligning a stack by class averages, whose poses are found here.

    Args:
      classes: how many averages; 0 takes as many as pay for themselves.
      halves: how half sets are aligned, `together` or `apart`.

    Raises:
      InputError: meshes, images with pixels that were not observed, volumes of several channels,
        too few examples, for halves too, or too many.
    """
    _require_examples(stack, surveyed)
    if halves == "apart":
        require_halves(stack.shape[0], classes or CLASSES)
    data = _data(options.data, stack)
    seen, avae = _frames(stack, surveyed, data)
    images = _images(stack, seen, avae)
    print("searching for poses by maximum likelihood over class averages", flush=True)
    found = _found(images, options.seed, classes or None)
    sizes = np.bincount(found.classes, minlength=len(found.averages))
    print(
        f"{len(sizes)} class averages of {', '.join(map(str, sizes))} examples; shifts spread "
        f"over {found.spread_px:.2g} pixels (--classes sets their number, --method model trains a "
        "VAE instead)"
    )
    pixel = seen.own.unit / (avae.inner.unit * float(np.mean(seen.own.spacing)))
    known = Known(
        _lookup(found, scored(images, found, avae)),
        _columns(found, pixel),
        told(found.stable),
        _halves(images, found, options.seed) if halves == "apart" else None,
        asked_of(options, classes, halves),
    )
    trained = Trained(
        {"averages": jnp.asarray(found.averages)},
        avae,
        resolve_search(SearchOptions(kind="even"), avae.group),
        None,
        jnp.asarray(codes(found)),
    )
    whole = dataclasses.replace(options, data=data)
    return Work(stack, seen, surveyed, trained, whole, reconstructions, known)


def asked_of(options: Options, classes: int, halves: str) -> dict[str, Any]:
    """What decides, beside the stack, what a search of averages finds; fit for JSON."""
    return {
        "seed": options.seed,
        "classes": classes,
        "halves": halves,
        # As text, because some of it may be NaN.
        "data": str(options.data),
    }


def _halves(examples: np.ndarray, found: ClassAlignment, seed: int) -> Halves:
    print("aligning two halves apart", flush=True)
    return aligned_apart(examples, found, _found, seed=seed)


def _found(examples: np.ndarray, seed: int, classes: int | None) -> ClassAlignment:
    if examples.ndim == 4:
        return align_images(examples, seed=seed, num_classes=classes)
    return align_volumes(examples[..., 0], seed=seed, num_classes=classes)


def _require_examples(stack: Stack, surveyed: Survey) -> None:
    dimensions = len(stack.example) - 1
    if stack.move:
        raise InputError(f"{stack.name}: meshes; --method averages wants images or volumes")
    if surveyed.gone and dimensions == 2:
        raise InputError(
            f"{stack.name}: {surveyed.gone:,} pixels were not observed; --method averages wants "
            "whole images, --method model takes these"
        )
    if dimensions == 3 and stack.example[-1] > 1:
        raise InputError(
            f"{stack.name}: volumes of {stack.example[-1]} channels; --method averages wants one"
        )
    if stack.shape[0] < 4:
        raise InputError(
            f"{stack.name}: {stack.shape[0]} examples; --method averages wants 4 or more"
        )


def _data(data: DataOptions, stack: Stack) -> DataOptions:
    """How images are shown to the search: whole, large ones shrunk."""
    d = len(stack.example) - 1
    longest, most = max(frame_sides(stack.example[:-1], 0, stack.spacing)), MOST_SIDE[d]
    size, scale = (most, round(most / longest, 6)) if longest > most else (0, 1.0)
    shape = (size,) * d if size else frame_sides(stack.example[:-1], 0, stack.spacing)
    wanted = 4 * stack.shape[0] * int(np.prod(shape)) * stack.example[-1]
    if wanted > MOST_BYTES[d]:
        raise InputError(
            f"{stack.name}: {wanted / 2**30:.2g} GiB of examples as they are searched; --method "
            f"averages takes {MOST_BYTES[d] / 2**30:.2g}"
        )
    return dataclasses.replace(data, size=size, scale=scale, limit=0)


def _frames(stack: Stack, surveyed: Survey, data: DataOptions) -> tuple[Framing, AVAE]:
    """Frames of the stack and of the search, which sees values scaled to [0, 1]."""
    if not surveyed.least < surveyed.largest:
        raise InputError(f"{stack.name}: all values are {surveyed.least:g}; images are wanted")
    scaling = Scaling(surveyed.least, surveyed.largest)
    inner = make_frame(frame_sides(stack.example[:-1], data.size, stack.spacing))
    model, family = Model.from_functions(_no_code, _no_object), parse_family("rigid", inner.d)
    channels = stack.example[-1]
    begun = affine_vae(model, inner, np.zeros(channels), group=family, likelihood="gaussian")
    seen = framing(stack, scaling, avae=begun, data=data)._replace(missing=surveyed.missing)
    own = dataclasses.replace(data, size=0, scale=1.0)
    some = min(stack.shape[0], piece(stack))
    fill = fill_value("border", shown(stack.raw(0, some), seen._replace(data=own)))
    avae = affine_vae(model, inner, fill, group=family, likelihood="gaussian")
    avae = avae._replace(masked=surveyed.gone > 0)
    seen = framing(stack, scaling, avae=avae, data=data)
    return seen._replace(missing=surveyed.missing), avae


def _no_code(params: object, x: Array) -> tuple[Array, Array]:
    raise NotImplementedError("class averages have no encoder")


def _no_object(params: object, z: Array) -> Array:
    raise NotImplementedError("class averages have no decoder")


def _images(stack: Stack, seen: Framing, avae: AVAE) -> np.ndarray:
    """All examples `[N, *S, C]` as they are searched, NaN where not observed."""
    made = np.empty((stack.shape[0], *avae.inner.shape, stack.example[-1]), np.float32)
    for start, stop in blocks(stack.shape[0], piece(stack)):
        made[start:stop] = shown(stack.raw(start, stop), seen)
    return made


def codes(found: ClassAlignment) -> np.ndarray:
    """Latent codes `[N, Z]`: the expected average of each image along the principal axes of all.

    Images of one class lie at one point, and classes that look alike are near each other.
    """
    flat = found.averages.reshape(len(found.averages), -1).astype(np.float64)
    share = found.class_posterior.mean(0)
    away = flat - share @ flat
    axes, sizes, _ = np.linalg.svd(away, full_matrices=False)
    places = (axes * sizes)[:, : max(1, min(CODES, len(flat) - 1))]
    return np.float32(found.class_posterior @ places)


def _columns(found: ClassAlignment, pixel: float) -> dict[str, np.ndarray]:
    """Further columns of poses.csv, `[N]`; classes count from 1, the largest first.

    Args:
      pixel: of the search, in pixels of the stack.
    """
    best = np.take_along_axis(found.class_posterior, found.classes[:, None], 1)[:, 0]
    return {
        "class": found.classes.astype(int) + 1,
        "class_probability": best.astype(np.float32),
        "rotation_sd_deg": found.sd_deg.astype(np.float32),
        "shift_sd_px": (found.shift_sd_px * pixel).astype(np.float32),
        "elsewhere": found.elsewhere.astype(np.float32),
    }


def _lookup(found: ClassAlignment, scored: Scored) -> Callable[[np.ndarray], Found]:
    """What was found of the examples `index: [n]`."""
    code, poses = codes(found), found.poses.astype(np.float32)

    def look(index: np.ndarray) -> Found:
        return Found(
            pose=poses[index],
            before=scored.before[index],
            after=scored.after[index],
            gap=np.float32(found.gap_nats[index]),
            nonfinite=np.zeros(len(index), np.int32),
            mu=code[index],
            canonical=np.float32(found.averages[found.classes[index]]),
        )

    return look
