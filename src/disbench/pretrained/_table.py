"""The sorted table of keys and values that holds the index of a bundle: LevelDB's format, without compression."""

import google_crc32c

from disbench.pretrained._fields import BundleError, read_span, read_varint

MAX_BYTES = 1 << 20  # of a table; that of a bundle of 26 variables has 1 kB
_MAX_KEY_BYTES = 1024
_MAX_ENTRIES = 10_000
_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # after each block: compression, checksum
_NUMBER_BYTES = 4
_MASK = 0xA282EAD8


def read_table(content: bytes) -> dict[bytes, bytes]:
    """Values by key.

    Raises
    ------
    BundleError
        If the table is damaged or compressed.
    """
    if len(content) > MAX_BYTES:
        raise BundleError(f"expected an index of at most {MAX_BYTES:,} bytes; got {len(content):,}")
    if len(content) < _FOOTER_BYTES or not content.endswith(_MAGIC):
        raise BundleError(f"damaged: the {len(content):,} bytes do not end as the index of a bundle does")
    footer = content[-_FOOTER_BYTES:]
    position = 0
    for _ in range(2):  # position and size of a block that says nothing here
        _, position = read_varint(footer, position)
    found: dict[bytes, bytes] = {}
    last: bytes | None = None
    for _, handle in _entries(_block(content, *_handle(footer, position))):
        for key, value in _entries(_block(content, *_handle(handle, 0))):
            if last is not None and key <= last:
                raise BundleError(f"damaged: key {key!r} comes after {last!r}")
            if len(found) == _MAX_ENTRIES:
                raise BundleError(f"expected at most {_MAX_ENTRIES:,} variables; the index has more")
            found[key] = value
            last = key
    return found


def check_crc(content: bytes, stored: int, what: str) -> None:
    """Compare a masked CRC-32C with that of `content`."""
    checksum = masked_crc(content)
    if checksum != stored:
        raise BundleError(f"damaged: {what} has checksum {checksum:#010x}, expected {stored:#010x}")


def masked_crc(content: bytes) -> int:
    """CRC-32C as LevelDB stores it, rotated and shifted so that it is no checksum of what contains it."""
    crc: int = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def _handle(content: bytes, position: int) -> tuple[int, int]:
    start, position = read_varint(content, position)
    size, _ = read_varint(content, position)
    return start, size


def _block(content: bytes, start: int, size: int) -> bytes:
    block, end = read_span(content, min(start, len(content)), size)
    trailer, _ = read_span(content, end, _TRAILER_BYTES)
    check_crc(block + trailer[:1], int.from_bytes(trailer[1:], "little"), f"the block at byte {start}")
    if trailer[0] != 0:
        raise BundleError(f"the block at byte {start} is compressed (type {trailer[0]}); only plain ones can be read")
    return block


def _entries(block: bytes) -> list[tuple[bytes, bytes]]:
    """Keys and values of a block; each key goes on from the start of the one before it."""
    restarts = int.from_bytes(block[-_NUMBER_BYTES:], "little")
    end = len(block) - _NUMBER_BYTES * (restarts + 1)
    if restarts < 1 or end < 0:
        raise BundleError(f"damaged: a block of {len(block)} bytes that counts {restarts} starts of keys")
    content, position, key = block[:end], 0, b""
    found: list[tuple[bytes, bytes]] = []
    while position < end:
        shared, position = read_varint(content, position)
        unshared, position = read_varint(content, position)
        size, position = read_varint(content, position)
        rest, position = read_span(content, position, unshared)
        value, position = read_span(content, position, size)
        if shared > len(key) or shared + unshared > _MAX_KEY_BYTES or len(found) > _MAX_ENTRIES:
            raise BundleError(f"damaged: entry {len(found)} of a block has a key of {shared} + {unshared} bytes")
        key = key[:shared] + rest
        found.append((key, value))
    return found
