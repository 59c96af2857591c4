"""Tests of `avae_jax.data.formats.tiff`."""

import struct

import numpy as np
import pytest
import tifffile

from avae_jax.core.errors import InputError
from avae_jax.data.formats import open_stack
from tests.support.stack_samples import COUNT, check, numbers, refused


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"byteorder": ">"},
        {"byteorder": ">", "compression": "zlib"},
        {"bigtiff": True},
        {"imagej": True},
        {"ome": True},
        {"metadata": None},
    ],
    ids=str,
)
def test_tiff_of_pages(how, tmp_path):
    big = how.get("byteorder") or ("imagej" in how and ">")
    wanted = numbers((9, 7), ">u2" if big else "<u2")
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, wanted, resolution=(300, 200), **how)
    target = check(path, wanted)
    np.testing.assert_array_equal(tifffile.imread(target), wanted[:, ::-1])
    with tifffile.TiffFile(path) as one, tifffile.TiffFile(target) as other:
        for name in ("resolution", "compression", "photometric", "predictor", "software"):
            assert getattr(one.pages[0], name) == getattr(other.pages[0], name)
        kinds = one.is_imagej, one.is_ome, one.is_bigtiff, one.byteorder
        assert kinds == (other.is_imagej, other.is_ome, other.is_bigtiff, other.byteorder)
        assert one.series[0].axes == other.series[0].axes


@pytest.mark.parametrize(
    "shape, how",
    [
        ((9, 7, 3), {"photometric": "rgb"}),
        ((9, 7, 4), {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
        ((9, 7, 2), {"photometric": "minisblack", "planarconfig": "contig"}),
        ((6, 9, 7), {}),
        ((6, 9, 7), {"compression": "zlib"}),
    ],
)
def test_tiff_of_colours_and_volumes(shape, how, tmp_path):
    wanted = numbers(shape, "f4" if len(shape) == 3 and shape[0] == 6 else "u1")
    tifffile.imwrite(tmp_path / "x.tif", wanted, **how)
    check(tmp_path / "x.tif", wanted)


def test_tiff_pages_that_differ_and_planes_refused(tmp_path):
    """Pages that differ and channels apart are refused."""
    with tifffile.TiffWriter(tmp_path / "x.tif") as file:
        for side in (8, 9):
            file.write(np.zeros((side, side), "u1"))
    assert "pages that differ" in refused(tmp_path / "x.tif")
    planes = np.zeros((COUNT, 3, 9, 7), "u1")
    tifffile.imwrite(tmp_path / "y.tif", planes, photometric="rgb", planarconfig="separate")
    assert "channels apart from pixels" in refused(tmp_path / "y.tif")


def test_tiff_page_larger_than_its_file_refused(tmp_path):
    """No room is made for pages larger than their file."""
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((COUNT, 9, 7), "u1"), compression="zlib")
    with tifffile.TiffFile(path) as file:
        place, large = file.pages[0].tags["StripByteCounts"].offset, 2**32 - 1
    whole = bytearray(path.read_bytes())
    # An entry is a tag, a type (4: unsigned of 32 bits), a count and the value.
    whole[place + 2 : place + 12] = struct.pack("<HII", 4, 1, large)
    path.write_bytes(whole)
    with (
        open_stack(str(path)) as stack,
        pytest.raises(InputError, match="4,294,967,295 bytes in a"),
    ):
        stack.read(0, COUNT)
