"""No-data values declared by files: TIFF and HDF5 attributes, NIfTI."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

# GDAL's tag of TIFF files: a number as text.
GDAL_NODATA = 42113
# Attributes of HDF5 data sets, in lower case, by netCDF, GDAL and FITS.
ATTRIBUTES = ("_fillvalue", "missing_value", "nodata", "nodata_value", "_nodata", "blank")


def number_of(value: Any) -> float | None:
    """The number that a tag holds as text, bytes or an array; `None` without a number."""
    if isinstance(value, np.ndarray | list | tuple):
        value = value[0] if np.size(value) == 1 and np.ndim(value) == 1 else value
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        value = value.strip("\0 \t\r\n").replace(",", ".")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return None if math.isinf(number) else number


def of_attributes(attributes: Mapping[str, Any]) -> float | None:
    """The no-data value in the attributes of an HDF5 data set."""
    small = {name.lower(): name for name in attributes}
    for name in ATTRIBUTES:
        number = number_of(attributes[small[name]]) if name in small else None
        if number is not None:
            return number
    return None


def of_page(page: Any) -> float | None:
    """The no-data value in the tags of a page of `tifffile`."""
    tag = page.tags.get(GDAL_NODATA)
    return None if tag is None else number_of(tag.value)


def of_picture(path: Path) -> float | None:
    """The no-data value in the tags of a file, `None` if it is not a TIFF file."""
    from PIL import Image

    try:
        with Image.open(path, formats=("TIFF",)) as image:
            return number_of(getattr(image, "tag_v2", {}).get(GDAL_NODATA))
    except (OSError, SyntaxError, ValueError):
        return None
