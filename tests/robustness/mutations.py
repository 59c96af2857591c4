"""Sound files made unsound: bytes flipped, cut, put in, sizes and numbers made extreme."""

import gzip
import io
import random
import re
import zipfile
import zlib

# What header fields hold where somebody means harm, or where a disk failed.
EXTREMES = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**40, 2**63)
HEADER = 512  # bytes from the start among which most fields lie
TOKENS = (
    *(b"null", b"true", b"[]", b"{}", b'""', b"NaN", b"-Infinity", b"1e999", b"-1", b"0"),
    *(b"9" * 19, b"9" * 400, b"9" * 5000, b"[" * 5000, b'{"a":' * 3000, b'"\\ud800"', b"\xff\xfe"),
)
NAMES = ("../../escaped.npy", "/escaped.npy", "a\0b.npy", "a\nb.npy", "a")  # of members
PNG = b"\x89PNG\r\n\x1a\n"


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` changed in one to three ways; inside of what is packed as often as outside."""
    repack = next((f for begins, f in PACKED.items() if data.startswith(begins)), None)
    if repack is not None and chance.random() < 0.5:
        return repack(data, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(WAYS)(data, chance)
    return data


def _flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8)) if data else 0):
        changed[_place(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _remove(data: bytes, chance: random.Random) -> bytes:
    start = _place(data, chance)
    return data[:start] + data[start + chance.choice((1, 4, 64)) :]


def _insert(data: bytes, chance: random.Random) -> bytes:
    start, size = _place(data, chance), chance.choice((1, 2, 4, 100))
    return data[:start] + chance.choice((chance.randbytes(size), bytes(size))) + data[start:]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start, size = _place(data, chance), chance.choice((4, 32, 1000))
    return data[:start] + data[start : start + size] * chance.choice((2, 50)) + data[start:]


def _field(data: bytes, chance: random.Random) -> bytes:
    """A number of 1 to 8 bytes at an even place made extreme, in either order of bytes."""
    size = chance.choice((1, 2, 4, 8))
    start = _place(data, chance) // size * size
    number = chance.choice(EXTREMES) % 2 ** (8 * size)
    written = number.to_bytes(size, chance.choice(("little", "big")))
    return data[:start] + written + data[start + size :]


def _digits(data: bytes, chance: random.Random) -> bytes:
    """A number that is written out made another one."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?", data[:4096]))
    if not found:
        return _field(data, chance)
    one = chance.choice(found)
    written = str(chance.choice((*EXTREMES, -1, "1e400", 10**30))).encode()
    return data[: one.start()] + written + data[one.end() :]


def _token(data: bytes, chance: random.Random) -> bytes:
    """A word, number or text made something else."""
    found = list(re.finditer(rb'"[^"]*"|[\w.+-]+|\[[^\[\]]*\]', data[:4096]))
    one = chance.choice(found) if found else None
    if one is None:
        return _insert(data, chance)
    return data[: one.start()] + chance.choice(TOKENS) + data[one.end() :]


def _place(data: bytes, chance: random.Random) -> int:
    """A place, half of the time within the header."""
    most = min(len(data), HEADER) if chance.random() < 0.5 else len(data)
    return chance.randrange(most) if most else 0


WAYS = (_flip, _flip, _cut, _remove, _insert, _repeat, _field, _field, _digits, _token)


def _gzip(data: bytes, chance: random.Random) -> bytes:
    return gzip.compress(mutated(gzip.decompress(data), chance), 1)


def _zip(data: bytes, chance: random.Random) -> bytes:
    """An archive with one member changed, or renamed, under sound checksums."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    chosen, written = chance.randrange(len(members)), io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        for number, (name, content) in enumerate(members):
            if number == chosen and chance.random() < 0.1:
                name = chance.choice(NAMES)
            made.writestr(name, mutated(content, chance) if number == chosen else content)
    return written.getvalue()


def _png(data: bytes, chance: random.Random) -> bytes:
    """A picture with one chunk changed under a sound checksum."""
    chunks, start = [], len(PNG)
    while start + 12 <= len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        chunks.append((data[start + 4 : start + 8], data[start + 8 : start + 8 + size]))
        start += 12 + size
    chosen, made = chance.randrange(len(chunks)), PNG
    for number, (kind, content) in enumerate(chunks):
        body = kind + (chance.choice(WAYS)(content, chance) if number == chosen else content)
        check = zlib.crc32(body).to_bytes(4, "big")
        made += (len(body) - 4).to_bytes(4, "big") + body + check
    return made


PACKED = {b"\x1f\x8b": _gzip, b"PK": _zip, PNG: _png}
