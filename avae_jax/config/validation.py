"""Rules between the fields of a config: what does not go together, names that do not exist."""

from typing import Any

from avae_jax.config.fields import broken
from avae_jax.config.options import (
    FAMILIES,
    SOURCES,
    SOURCES_WITH_ARGUMENT,
    Options,
    fields,
    values,
)
from avae_jax.core.errors import InputError

# Axes are named z, y, x in array order; 2-D has no z.
PLANES = ("zy", "zx", "yx")
GENERATORS = (
    *(f"rotation_{plane}" for plane in PLANES),
    *(f"shift_{axis}" for axis in "zyx"),
    "scale",
    *(f"scale_{axis}" for axis in "zyx"),
    *(f"shear_{plane}" for plane in PLANES),
)


def faults(options: Options) -> list[str]:
    """Every broken rule of `options`, each as `field=value: rule`."""
    value = values(options)
    found = {name: broken(field, value[name]) for name, field in fields().items()}
    sound = {name: value[name] for name in found if not found[name]}
    for name, text in _contradictions(sound) + _unknown_names(sound):
        found[name].append(text)
    return [f"{name}={value[name]!r}: {text}" for name, texts in found.items() for text in texts]


def refuse(found: list[str]) -> None:
    """One `InputError` that lists the faults `found`, if there are any."""
    if found:
        raise InputError("bad config: " + "; ".join(found))


def check(options: Options) -> Options:
    """`options` unchanged, or an `InputError` that lists every broken rule."""
    refuse(faults(options))
    return options


def _contradictions(value: dict[str, Any]) -> list[tuple[str, str]]:
    """(field, rule) where sound fields do not go together; `value` leaves out the others."""
    found = []
    starts, keep = value.get("search.starts"), value.get("search.keep")
    if starts is not None and keep is not None and keep > starts:
        found.append(("search.keep", f"at most search.starts={starts}"))
    fill = value.get("data.fill", "border")
    levels = () if isinstance(fill, str) else fill if isinstance(fill, tuple) else (fill,)
    if value.get("model.likelihood") == "bernoulli" and not all(0 <= v <= 1 for v in levels):
        found.append(("data.fill", "from 0 to 1 where model.likelihood is bernoulli"))
    if 0 < value.get("data.size", 0) < 4:
        found.append(("data.size", "0 or at least 4"))
    if value.get("ranges.right_angles"):
        whole = value.get("ranges.rotation", 180.0) >= 180
        if value.get("family", "rotation") != "rotation" or not whole:
            rule = "wants family=rotation and ranges.rotation=180"
            found.append(("ranges.right_angles", rule))
    axes = value.get("data.axes", "")
    if axes and (len(set(axes)) < len(axes) or not set("NHW") <= set(axes) <= set("NDHWC")):
        found.append(("data.axes", "nothing, or N, H, W and perhaps D and C, each once"))
    window = value.get("data.window", "type")
    if not isinstance(window, str) and not (len(window) == 2 and window[0] < window[1]):
        found.append(("data.window", "type, or two numbers of which the second is larger"))
    return found


def _unknown_names(value: dict[str, Any]) -> list[tuple[str, str]]:
    """(field, rule) for a source or a family that does not exist."""
    found = []
    if not set(value.get("family", "rotation").split("+")) <= {*FAMILIES, *GENERATORS}:
        known = ", ".join(FAMILIES + GENERATORS)
        found.append(("family", f"one of {known}, or several joined by +"))
    kind, colon, argument = value.get("data.source", "digits").partition(":")
    if not (kind in SOURCES_WITH_ARGUMENT and argument) and (colon or kind not in SOURCES):
        known = ", ".join((*SOURCES, *(f"{kind}:..." for kind in SOURCES_WITH_ARGUMENT)))
        found.append(("data.source", f"one of {known}"))
    return found
