"""Pixel sizes in TIFF files, by OME, ImageJ or the resolution tags."""

from typing import Any

from avae_jax.data.formats.optional import library

INCH, CENTIMETRE = 2, 3
MICROMETRE = "\u00b5m"  # the default unit of OME


def sizes(tiff: Any) -> tuple[float, ...]:
    """Pixel size on each spatial axis of an example, `()` if unknown."""
    series = tiff.series[0]
    axes = [letter for letter in series.axes[1:] if letter not in "CS"]
    known = {"ome": _of_ome, "imagej": _of_imagej}.get(series.kind, _of_resolution)(tiff)
    return tuple(known[axis] for axis in axes) if set(axes) <= set(known) else ()


def _of_ome(tiff: Any) -> dict[str, float]:
    """Pixel sizes by axis, in one unit."""
    images = library("tifffile", "OME").xml2dict(tiff.ome_metadata)["OME"]["Image"]
    pixels = (images[0] if isinstance(images, list) else images)["Pixels"]
    units = {axis: pixels.get(f"PhysicalSize{axis}Unit", MICROMETRE) for axis in "XYZ"}
    found = {axis: pixels.get(f"PhysicalSize{axis}") for axis in "XYZ"}
    return {
        axis: float(size)
        for axis, size in found.items()
        if size is not None and units[axis] == units["X"]
    }


def _of_imagej(tiff: Any) -> dict[str, float]:
    said = tiff.imagej_metadata or {}
    if said.get("unit", "pixel") in ("", "pixel", "pixels"):
        return {}
    depth = said.get("spacing")
    return _plane(tiff) | ({} if depth is None else {"Z": abs(float(depth))})


def _of_resolution(tiff: Any) -> dict[str, float]:
    unit = tiff.series[0].keyframe.resolutionunit
    return _plane(tiff) if unit in (INCH, CENTIMETRE) else {}


def _plane(tiff: Any) -> dict[str, float]:
    page = tiff.series[0].keyframe
    if not {"XResolution", "YResolution"} <= {tag.name for tag in page.tags}:
        return {}
    return {axis: 1 / count for axis, count in zip("XY", page.resolution, strict=True) if count > 0}
