"""TensorFlow's bundle of variables, read without TensorFlow: an index that says which bytes of which file are whose."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from disbench.pretrained._fields import BundleError, messages_of, number_of, read_message
from disbench.pretrained._table import check_crc, read_table

_FLOAT32 = 1  # of DataType in TensorFlow's types.proto
_MAX_AXES = 8
_MAX_SHARDS = 1000


@dataclass(frozen=True)
class _Entry:
    """Fields of `BundleEntryProto` in TensorFlow's tensor_bundle.proto."""

    shape: tuple[int, ...]
    shard: int
    start: int
    size: int
    checksum: int


def read_bundle(index: bytes, read_shard: Callable[[int, int], bytes]) -> dict[str, NDArray[np.float32]]:
    """Variables of type float32 by name; those of other types, such as counters of steps, are left out.

    Parameters
    ----------
    index
        Content of the file `*.index`.
    read_shard
        Given i and n, returns the content of the file `*.data-i-of-n`; each is asked for at most once.

    Returns
    -------
    dict
        Arrays that cannot be written to.

    Raises
    ------
    BundleError
        If a checksum, a size or a name is wrong, or if a variable is stored in slices.
    """
    table = read_table(index)
    num_shards = _read_header(table.pop(b"", None))
    entries = {_name(key): entry for key, value in table.items() if (entry := _read_entry(key, value)) is not None}
    shards: dict[int, bytes] = {}
    variables = {}
    for name, entry in entries.items():
        if entry.shard >= num_shards:
            raise BundleError(f"damaged: {name} is said to be in file {entry.shard} of {num_shards}")
        if entry.shard not in shards:
            shards[entry.shard] = read_shard(entry.shard, num_shards)
        variables[name] = _read_variable(name, entry, shards[entry.shard])
    return variables


def _read_header(content: bytes | None) -> int:
    """Number of files of data, of `BundleHeaderProto`."""
    if content is None:
        raise BundleError("damaged: the index has no header")
    fields = read_message(content)
    num_shards, big_endian = number_of(fields, 1), number_of(fields, 2)
    if big_endian:
        raise BundleError("the variables are stored with the highest byte first; only the other order can be read")
    if not 1 <= num_shards <= _MAX_SHARDS:
        raise BundleError(f"expected 1 to {_MAX_SHARDS} files of data; the index says {num_shards}")
    return num_shards


def _read_entry(key: bytes, content: bytes) -> _Entry | None:
    fields = read_message(content)
    if number_of(fields, 1) != _FLOAT32:
        return None
    if 7 in fields:
        raise BundleError(f"{_name(key)} is stored in slices, which cannot be read")
    shapes = messages_of(fields, 2)
    axes = messages_of(shapes[-1], 2) if shapes else []
    if len(axes) > _MAX_AXES:
        raise BundleError(f"expected at most {_MAX_AXES} axes; {_name(key)} has {len(axes)}")
    shape = tuple(number_of(axis, 1) for axis in axes)
    return _Entry(shape, number_of(fields, 3), number_of(fields, 4), number_of(fields, 5), number_of(fields, 6))


def _read_variable(name: str, entry: _Entry, shard: bytes) -> NDArray[np.float32]:
    itemsize = np.dtype(np.float32).itemsize
    if entry.size == 0 or entry.size != prod(entry.shape) * itemsize:
        raise BundleError(f"damaged: {name} has {entry.size:,} bytes, which is not a float32 array {entry.shape}")
    if entry.start + entry.size > len(shard):
        raise BundleError(
            f"damaged: {name} is said to be at bytes {entry.start:,} to {entry.start + entry.size:,} of a file of "
            f"{len(shard):,}"
        )
    content = shard[entry.start : entry.start + entry.size]
    check_crc(content, entry.checksum, name)
    return np.frombuffer(content, "<f4").reshape(entry.shape)


def _name(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise BundleError(f"damaged: expected the name of a variable, got {key!r}") from None
