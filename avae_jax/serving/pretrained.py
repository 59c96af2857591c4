"""Adapts a VAE that was trained elsewhere to the pose search."""

import dataclasses
import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from avae_jax import transform
from avae_jax.config.files import from_dict
from avae_jax.config.options import RangeOptions, SearchOptions
from avae_jax.config.validation import interval
from avae_jax.core.batches import in_batches
from avae_jax.core.choices import look_up
from avae_jax.core.errors import InputError
from avae_jax.core.types import Array, Decode, Encode, Params, PyTree, Shape
from avae_jax.data.intensity import check_finite
from avae_jax.data.resize import fill_value
from avae_jax.inference.find_poses import build_bank
from avae_jax.inference.head_fitting import fit_head
from avae_jax.inference.proposals.template_bank import REMEMBERED
from avae_jax.inference.search import resolve_search
from avae_jax.inference.trained import Trained
from avae_jax.models import Model
from avae_jax.models.affine_model import AVAE, affine_vae
from avae_jax.models.likelihoods import LIKELIHOODS

# Upright examples encoded at once.
BATCH = 64
# By how much a mean may leave the interval of its likelihood.
ROUNDING = 1e-3


def wrapped(
    encode: Encode,
    decode: Decode,
    params: Params,
    upright: np.ndarray,
    *,
    family: str = "rotation",
    likelihood: str = "bernoulli",
    sigma: float = 1.0,
    fill: str | float | tuple[float, ...] = "border",
    ranges: RangeOptions = RangeOptions(),
    interpolation: str = "linear",
    search: SearchOptions = SearchOptions(),
) -> Trained:
    """An affine VAE around functions trained elsewhere, its search and its bank.

    Args:
      encode, decode, sigma: as for `Model.from_functions`.
      upright: `[n, *S, C]`, examples in the pose that the VAE knows, in the range it knows.
        The bank of the search is made of some of them; a few hundred are plenty.
      family: of poses, such as `rotation`, `rigid` or `rotation+shift_x`.
      likelihood: `bernoulli`, `gaussian` or another of `likelihoods.LIKELIHOODS` whose scale
        is not learned.
      fill: value outside of an example, a number or `C` of them; `border` takes the median of
        the border of `upright`.
      search: not yet resolved. With `learned` a pose head is fitted to `upright`, which takes
        minutes.

    Raises:
      InputError: functions or examples that do not fit together, values that no option of
        this name takes, or a search that wants derivatives of functions that have none.
    """
    # A learned scale would have to stand among the weights.
    known = {name: entry for name, entry in LIKELIHOODS.items() if entry.scale != "learned"}
    look_up(known, likelihood, "likelihood")
    for name, given, kind in (("ranges", ranges, RangeOptions), ("search", search, SearchOptions)):
        if not isinstance(given, kind):
            raise InputError(f"{name}={given!r}: wanted avae_jax.{kind.__name__}(...)")
    network = {"likelihood": likelihood, "sigma": sigma, "interpolation": interpolation}
    parts = {"ranges": dataclasses.asdict(ranges), "search": dataclasses.asdict(search)}
    require_values("params", params)
    require_values("upright", upright)
    sound = from_dict({"family": family, "model": network, **parts})
    upright = examples("upright", upright, likelihood=likelihood)
    model = Model.from_functions(encode, decode, sigma=sound.model.sigma)
    _require_vae(model, params, upright.shape[1:])
    avae = affine_vae(
        model,
        transform.make_frame(upright.shape[1:-1]),
        fill_value(fill, upright),
        group=transform.parse_family(family, upright.ndim - 2),
        ranges=sound.ranges,
        likelihood=likelihood,
        interpolation=interpolation,
    )
    options = resolve_search(sound.search, avae.group)
    _require_derivatives(avae, params, options=options)
    return _searching(params, upright, avae=avae, options=options)


def _searching(
    params: Params, upright: np.ndarray, *, avae: AVAE, options: SearchOptions
) -> Trained:
    """An affine VAE with its bank, and its pose head where one is learned."""
    some = np.linspace(0, len(upright) - 1, min(len(upright), REMEMBERED)).astype(int)
    code = jax.jit(jax.vmap(lambda x: avae.model.encode(params, x)[0]))
    met, head = jnp.asarray(in_batches(code, upright[some], size=min(BATCH, len(some)))), None
    if not np.isfinite(met).all():
        raise InputError("encode: the code of an upright example is not finite, wanted numbers")
    _require_mean(avae, params, met[0])
    if options.learned:
        visits = options.visits
        head = fit_head(params, met, upright, avae=avae, options=options, visits=visits).params
    bank = jax.jit(functools.partial(build_bank, avae=avae, options=options))(
        params, met, head=head
    )
    return Trained(params, avae, options, bank, met)


def require_values(name: str, tree: PyTree) -> None:
    """Checks that arrays have values: those that JAX transforms have none.

    Raises:
      InputError: names what does the same there.
    """
    # Where a program is traced even a constant has no value.
    leaves = (*jax.tree.leaves(tree), jnp.zeros(()))
    if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
        raise InputError(
            f"{name}: a Posed inside jit, vmap or grad, wanted arrays with values; "
            "avae_jax.find_poses is the pure function that JAX transforms"
        )


def examples(name: str, x: np.ndarray, *, likelihood: str, like: Shape | None = None) -> np.ndarray:
    """`x: [n, *S, C]` as float32, if it can be scored.

    Args:
      name: of what holds them, for the sentence.
      like: the shape `[*S, C]` that every example must have, `[*S]` if C is 1; `None` takes any
        in 2-D or 3-D.

    Raises:
      InputError: another shape, no examples, integers, values not finite or out of range.
    """
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise InputError(f"{name}: lists of unequal lengths, wanted an array") from error
    if x.dtype.kind not in "fiub":
        raise InputError(f"{name}: {x.dtype} values, wanted an array of floats")
    if like is not None and like[-1] == 1 and x.shape[1:] == like[:-1]:
        x = x[..., None]
    fits, wanted = x.ndim in (4, 5), "[n, H, W, C] or [n, D, H, W, C]"
    if like is not None:
        fits, wanted = x.shape[1:] == like, f"[n, {', '.join(map(str, like))}]"
    if not fits or not x.size:
        raise InputError(f"{name}: an array of shape {x.shape}, wanted {wanted}, n at least 1")
    if x.dtype.kind != "f":
        raise InputError(
            f"{name}: {x.dtype} values, wanted floats in the range that the model was trained on"
        )
    x = x.astype(np.float32)
    check_finite(x, np.arange(len(x)), name=name)
    low, high = float(x.min()), float(x.max())
    least, largest = interval(likelihood)
    if low < least or high > largest:
        raise InputError(
            f"{name}: values from {low:g} to {high:g}, wanted [{least:g}, {largest:g}] for "
            f"likelihood={likelihood}"
        )
    return x


def _require_vae(model: Model, params: Params, shape: Shape) -> None:
    """Checks by shapes alone that `model` is a VAE of examples `[*shape]`."""
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    given = _traced("encode", model.encode, params, x)
    code = [(leaf.shape, leaf.dtype) for leaf in jax.tree.leaves(given)]
    if not isinstance(given, tuple | list) or len(code) != 2 or code[0] != code[1]:
        raise InputError(f"encode: gave {_shown(given)}, wanted mean and log-variance, alike [Z]")
    (sides, dtype), _ = code
    if len(sides) != 1 or dtype != jnp.float32:
        raise InputError(f"encode: gave {_shown(given)}, wanted two float32 [Z] for one example")
    drawn = _traced("decode", model.decode, params, jax.ShapeDtypeStruct(sides, jnp.float32))
    if getattr(drawn, "shape", None) != tuple(shape) or drawn.dtype != jnp.float32:
        raise InputError(f"decode: gave {_shown(drawn)}, wanted float32{list(shape)} for one code")


def _require_mean(avae: AVAE, params: Params, z: Array) -> None:
    """Checks that what is drawn of an upright example can be the mean of its likelihood."""
    drawn = np.asarray(jax.jit(avae.model.decode)(params, z))
    low, high = float(drawn.min()), float(drawn.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError("decode: the decoded upright example is not finite, wanted numbers")
    least, largest = interval(avae.likelihood)
    if low < least - ROUNDING or high > largest + ROUNDING:
        raise InputError(
            f"decode: gave values from {low:g} to {high:g}, wanted means from {least:g} to "
            f"{largest:g} that likelihood={avae.likelihood} takes; logits still need their sigmoid"
        )


def _traced(name: str, function: Callable, params: Params, given: jax.ShapeDtypeStruct) -> Array:
    """What `function(params, given)` returns, by shapes."""
    try:
        return jax.eval_shape(function, params, given)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        # The text of a KeyError is the bare key.
        said = "" if isinstance(error, KeyError) else str(error).strip()
        reason = (said or repr(error)).splitlines()[0]
        raise InputError(
            f"{name}: fails on one example, float32{list(given.shape)} without a batch axis: "
            f"{reason}"
        ) from error


def _shown(tree: object) -> str:
    leaves = jax.tree.leaves(tree)
    return ", ".join(f"{leaf.dtype}{list(leaf.shape)}" for leaf in leaves) or "nothing"


def _require_derivatives(avae: AVAE, params: Params, *, options: SearchOptions) -> None:
    """Checks that the method of the search can do with the derivatives that there are."""
    line, polished = options.method == "line", options.method == "register" and options.polish
    if line or (options.method == "register" and not polished):
        return
    shape = *avae.inner.shape, len(avae.fill)
    x = jax.ShapeDtypeStruct(shape, jnp.float32)
    encode = functools.partial(avae.model.encode, params)
    try:
        jax.eval_shape(lambda x: jax.jvp(encode, (x,), (x,)), x)
    except ValueError as error:
        values = "line" if avae.group.size == 1 else "register and search.polish=0"
        raise InputError(
            f"search.method={options.method}, search.polish={options.polish}: wants derivatives "
            f"that encode does not have, wanted search.method={values}"
        ) from error
