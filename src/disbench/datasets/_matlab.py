"""Arrays of bytes in MATLAB's files of level 5.

SciPy's reader of these files crashes the process on some damaged ones, and decompresses as much as a file says. What is
read here is what Cars3D has: whole numbers of 8 bits without sign, in files of machines with little-endian numbers.
(MathWorks: MAT-File Format.)
"""

import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_HEADER_BYTES = 128
_UINT8_CLASS = 9
_INT8, _UINT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 2, 5, 6, 14, 15
_LARGEST_PREAMBLE = 1 << 12  # flags, dimensions and name of an array


def read_bytes_array(content: bytes, name: str, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Array uint8 of this name and shape, in Fortran order.

    No more is decompressed than such an array has.

    Raises
    ------
    ValueError
        The file is damaged or of another kind, or has no such array, two of them, or one of another type or shape.
    """
    if len(content) < _HEADER_BYTES or content[124:128] != b"\x00\x01IM":
        raise ValueError("not a MATLAB file of level 5 with little-endian numbers")
    num_values = math.prod(shape)
    limit = num_values + _LARGEST_PREAMBLE
    arrays = (_array(element, name, shape) for element in _elements(content, _HEADER_BYTES, limit))
    found = [values for values in arrays if values is not None]
    if len(found) != 1:
        raise ValueError(f"expected {name!r} once; got it {len(found)} times")
    return np.frombuffer(found[0], np.uint8).reshape(shape, order="F")


def _elements(content: bytes, start: int, limit: int) -> Iterator[bytes]:
    """Arrays of a file, as far as `limit` bytes of each."""
    while start < len(content):
        kind, num_bytes = _tag(content, start)
        start += 8
        stop = start + num_bytes
        if stop > len(content):
            raise ValueError(f"an element ends {stop - len(content):,} bytes after the file")
        if kind == _COMPRESSED:
            yield _inflated(content[start:stop], limit)
        elif kind == _MATRIX:
            yield content[start : min(stop, start + limit)]
            stop += -num_bytes % 8
        else:
            raise ValueError(f"an element of kind {kind}, expected arrays")
        start = stop


def _inflated(content: bytes, limit: int) -> bytes:
    """Begin of the array in a compressed element; whatever is longer than an array of interest is cut."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(content, 8 + limit)
    except zlib.error as error:
        raise ValueError(f"damaged compressed data ({error})") from error
    kind, num_bytes = _tag(found, 0)
    if kind != _MATRIX:
        raise ValueError(f"a compressed element of kind {kind}, expected an array")
    whole = len(found) == 8 + num_bytes and stream.eof
    if not whole and num_bytes <= limit:
        raise ValueError("compressed data that end early or late, or whose checksum is wrong")
    return found[8:]


def _array(element: bytes, name: str, shape: tuple[int, ...]) -> bytes | None:
    """Values of an array, if it has this name."""
    flags, start = _part(element, 0, _UINT32)
    dimensions, start = _part(element, start, _INT32)
    found_name, start = _part(element, start, _INT8)
    if found_name != name.encode():
        return None
    size = struct.unpack(f"<{len(dimensions) // 4}i", dimensions[: len(dimensions) // 4 * 4])
    if len(flags) != 8 or flags[0] != _UINT8_CLASS or flags[1] or size != shape:
        raise ValueError(f"expected {name!r} of shape {shape} and class uint8; got shape {size}, flags {flags[:2]!r}")
    values, _ = _part(element, start, _UINT8)
    if len(values) != math.prod(shape):
        raise ValueError(f"{name!r} has {len(values):,} values, expected {math.prod(shape):,}")
    return values


def _part(element: bytes, start: int, kind: int) -> tuple[bytes, int]:
    """Bytes of a part of an array, and where the next begins; up to four bytes stand within the tag."""
    found, num_bytes = _tag(element, start)
    if found >> 16:
        found, num_bytes, start = found & 0xFFFF, found >> 16, start + 4
        following, room = start + 4, 4
    else:
        start += 8
        following, room = start + num_bytes + -num_bytes % 8, len(element) - start
    if found != kind:
        raise ValueError(f"a part of kind {found}, expected {kind}")
    if num_bytes > room:
        raise ValueError(f"a part of {num_bytes:,} bytes where {room:,} are left")
    return element[start : start + num_bytes], following


def _tag(content: bytes, start: int) -> tuple[int, int]:
    """Kind of an element and its number of bytes."""
    try:
        kind, num_bytes = struct.unpack_from("<II", content, start)
    except struct.error as error:
        raise ValueError("it ends within a tag") from error
    return kind, num_bytes
