"""Rules between the fields of a config: contradictions and unknown names."""

import math
from collections.abc import Mapping
from typing import Any

from avae_jax.config.choices import (
    FAMILIES,
    LIKELIHOODS,
    SOURCES,
    generator_names,
    source_forms,
)
from avae_jax.config.fields import broken
from avae_jax.config.options import Options, fields, values
from avae_jax.core.choices import nearest, wanted_instead
from avae_jax.core.errors import InputError


def faults(value: Mapping[str, Any]) -> list[str]:
    """Every broken rule of the values of all fields, each as `field=value: rule`."""
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
    refuse(faults(values(options)))
    return options


# The values that a likelihood without an interval of its own can score.
WHOLE = (-math.inf, math.inf)


def interval(likelihood: str) -> tuple[float, float]:
    """The least and the largest value that a likelihood can score."""
    return LIKELIHOODS.constant(likelihood, "interval") or WHOLE


def _contradictions(value: dict[str, Any]) -> list[tuple[str, str]]:
    """(field, rule) of contradictions between valid fields; `value` lacks the invalid ones."""
    found = []
    starts, keep = value.get("search.starts"), value.get("search.keep")
    if starts is not None and keep is not None and keep > starts:
        found.append(("search.keep", f"at most search.starts={starts}"))
    if value.get("search.every", 1) > 1 and value.get("data.pose", "as_is") != "as_is":
        found.append(("search.every", "1 unless data.pose=as_is"))
    fill = value.get("data.fill", "border")
    levels = () if isinstance(fill, str) else fill if isinstance(fill, tuple) else (fill,)
    likelihood = value.get("model.likelihood")
    low, high = interval(likelihood) if likelihood else WHOLE
    if not all(low <= v <= high for v in levels):
        rule = f"from {low:g} to {high:g} where model.likelihood is {likelihood}"
        found.append(("data.fill", rule))
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
    family = value.get("family", "rotation")
    known = [*FAMILIES, *generator_names("zyx")]
    unknown = [part for part in family.split("+") if part not in known]
    if unknown:
        listed = ", ".join(known)
        rule = f"one of {listed}, or several joined by +{nearest(unknown[0], known)}"
        found.append(("family", rule))
    kind, colon, argument = value.get("data.source", "digits").partition(":")
    if kind not in SOURCES:
        found.append(("data.source", wanted_instead(None, source_forms()) + nearest(kind, SOURCES)))
    elif bool(SOURCES.constant(kind, "argument", "")) != bool(argument) or (colon and not argument):
        found.append(("data.source", wanted_instead(None, source_forms())))
    return found
