"""Writes bundles of variables as TensorFlow does, to read them again, whole or damaged.

Blocks are LevelDB's: entries whose keys share a start with the one before, starts of keys, and a trailer with a
checksum.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import google_crc32c
import numpy as np
from numpy.typing import NDArray

FLOAT32, INT64 = 1, 9
MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")


def varint(value: int) -> bytes:
    head, rest = value & 0x7F, value >> 7
    return bytes([head | 0x80]) + varint(rest) if rest else bytes([head])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed32(number: int, value: int) -> bytes:
    return varint(number << 3 | 5) + value.to_bytes(4, "little")


def masked(content: bytes) -> int:
    crc = google_crc32c.value(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


@dataclass
class Entry:
    """What the index says about a variable."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    start: int
    size: int
    checksum: int
    extra: bytes = b""

    def content(self) -> bytes:
        axes = b"".join(field(2, field(1, size)) for size in self.shape)
        numbers = field(3, self.shard) + field(4, self.start) + field(5, self.size)
        return field(1, self.dtype) + field(2, axes) + numbers + fixed32(6, self.checksum) + self.extra


def header(num_shards: int = 1, big_endian: int = 0) -> bytes:
    return field(1, num_shards) + (field(2, 1) if big_endian else b"") + field(3, field(1, 1))


def block(entries: list[tuple[bytes, bytes]], restart_every: int = 16) -> bytes:
    content, starts, last = b"", [], b""
    for number, (key, value) in enumerate(entries):
        shared = 0
        if number % restart_every == 0:
            starts.append(len(content))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    starts = starts or [0]
    return content + b"".join(start.to_bytes(4, "little") for start in [*starts, len(starts)])


def sealed(content: bytes, compression: int = 0) -> bytes:
    with_type = content + bytes([compression])
    return with_type + masked(with_type).to_bytes(4, "little")


def table(blocks: list[bytes], compression: int = 0) -> bytes:
    """A table of blocks of data, with keys in the index of blocks that sort as the blocks do."""
    content, handles = b"", []
    for number, data in enumerate(blocks):
        handles.append((b"%04d" % number, varint(len(content)) + varint(len(data))))
        content += sealed(data, compression)
    footer = b""
    for data in (block([]), block(handles)):
        footer += varint(len(content)) + varint(len(data))
        content += sealed(data)
    return content + footer.ljust(40, b"\0") + MAGIC


def write_bundle(
    variables: Mapping[str, NDArray], num_shards: int = 1, entries_in_block: int = 16
) -> tuple[bytes, list[bytes]]:
    """The index and the files of data of variables."""
    shards = [b""] * num_shards
    entries = [(b"", header(num_shards))]
    for number, name in enumerate(sorted(variables)):
        value, shard = variables[name], number % num_shards
        content = value.tobytes()
        dtype = FLOAT32 if value.dtype == np.float32 else INT64
        entry = Entry(dtype, value.shape, shard, len(shards[shard]), len(content), masked(content))
        shards[shard] += content
        entries.append((name.encode(), entry.content()))
    starts = range(0, len(entries), entries_in_block)
    return table([block(entries[start : start + entries_in_block]) for start in starts]), shards
