"""Bytes of MRC files: signed or not, by stamp, header and values."""

import numpy as np
import pytest
from scipy import ndimage

from tests.support.written_stacks import RAMP, object_of, round_trip, write_mrc

STAMP, FLAGS, LEAST, LARGEST = 152, 156, 76, 80
IMOD = 1146047817


def of_float(number):
    return np.float32(number).view("i4")


def digits_like():
    """Strokes on black with steep edges, as scanned digits have them."""
    noise = np.random.default_rng(1).normal(size=(6, 40, 40))
    smooth = ndimage.gaussian_filter(noise, (0, 3, 3))
    return np.clip((smooth - 0.05) * 4000, 0, 255).astype("u1")


def noise(mean, deviation):
    values = np.random.default_rng(1).normal(mean, deviation, (6, 40, 40))
    return np.clip(np.rint(values), -128, 255)


# name: bytes, fields of the header, whether they are signed.
BYTES = {
    "IMOD says unsigned": (noise(0, 20).astype("i1"), {STAMP: IMOD, FLAGS: 0}, False),
    "IMOD says signed": (RAMP.astype("u1").view("i1"), {STAMP: IMOD, FLAGS: 1}, True),
    "IMOD says signed, among other flags": (
        noise(0, 20).astype("i1"),
        {STAMP: IMOD, FLAGS: 9},
        True,
    ),
    "the header exceeds 127": (
        noise(0, 20).astype("i1"),
        {LEAST: of_float(0), LARGEST: of_float(255)},
        False,
    ),
    "smooth from 0 to 255": (RAMP.astype("u1").view("i1"), {}, False),
    "strokes on black": (digits_like().view("i1"), {}, False),
    "noise about 128": (noise(128, 30).astype("u1").view("i1"), {}, False),
    "a mask": ((RAMP > 128).astype("u1").__mul__(255).view("i1"), {}, False),
    "noise about 0": (noise(0, 30).astype("i1"), {}, True),
    "smooth from -128 to 127": ((RAMP - 128).astype("i1"), {}, True),
    "all below 128": (noise(50, 10).astype("i1"), {}, True),
}


@pytest.mark.parametrize("name", BYTES)
def test_bytes_of_mrc_have_their_sign(name, tmp_path):
    values, header, signed = BYTES[name]
    path = write_mrc(tmp_path / "x.mrcs", values, header=header)
    stack, read = round_trip(path, tmp_path / "out" / "x.mrcs")
    assert stack.dtype == (np.int8 if signed else np.uint8)
    np.testing.assert_array_equal(read[..., 0], values if signed else values.view("u1"))
    assert ("unsigned" in stack.notes[0]) == (not signed)
    before, after = path.read_bytes(), (tmp_path / "out" / "x.mrcs").read_bytes()
    assert before[STAMP : STAMP + 8] == after[STAMP : STAMP + 8]
    assert before[1024:] == after[1024:]
    least, largest = np.frombuffer(after[LEAST : LARGEST + 4], "f4")
    assert (least, largest) == (read.min(), read.max())


def test_bytes_of_a_folder_have_one_sign(tmp_path):
    (tmp_path / "in").mkdir()
    for number, top in enumerate((100, 255, 90, 250)):
        volume = np.rint(top * object_of((20, 20, 20))).astype("u1").view("i1")
        write_mrc(tmp_path / "in" / f"{number}.mrc", volume)
    stack, values = round_trip(tmp_path / "in", tmp_path / "out")
    assert stack.dtype == np.uint8 and values.max() > 200
    assert "unsigned" in stack.notes[0] and not any("one volume" in note for note in stack.notes)
