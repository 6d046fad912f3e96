"""Groups of sharded arrays with checksums: what image stores and tables have in common."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import Crc32cCodec, ZstdCodec

from disbench.factors import FactorSpace, IntArray
from disbench.storage._replace import METADATA
from disbench.storage._schema import StoreAttributes, check_attributes

FORMAT_VERSION = 2
_DIGEST = "attributes_sha256"
_MOST_NAMED = 5  # missing files


class StoreError(OSError):
    """A store that is missing, unfinished or damaged; the message says which file and what to run."""


def create_array(
    group: zarr.Group,
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    *,
    chunk: int,
    shard: int,
    dimensions: tuple[str, ...],
    level: int = 3,
) -> zarr.Array[Any]:
    """Create an array that is cut along its rows only; every chunk carries a CRC-32C."""
    return group.create_array(
        name,
        shape=shape,
        dtype=dtype,
        chunks=(chunk, *shape[1:]),
        shards=(shard, *shape[1:]),
        compressors=[ZstdCodec(level=level), Crc32cCodec()],
        chunk_key_encoding={"name": "default", "separator": "."},
        dimension_names=dimensions,
        fill_value=0,
        # Chunks of zeros are stored too: left out, they could not be told from lost ones.
        config={"write_empty_chunks": True},
    )


def write_factors(group: zarr.Group, space: FactorSpace) -> None:
    """Write `factors` (num_states, number of axes): the state that each row stands for, for the sake of other tools."""
    dtype = _factor_dtype(space)
    shape, shard = (space.num_states, len(space.sizes)), 1048576
    array = create_array(group, "factors", shape, dtype, chunk=65536, shard=shard, dimensions=("row", "factor"))
    array.update_attributes({"names": list(space.names)})
    for start in range(0, space.num_states, shard):
        rows = np.arange(start, min(start + shard, space.num_states))
        array[start : start + shard] = space.states(rows).astype(dtype)


def _factor_dtype(space: FactorSpace) -> np.dtype[Any]:
    return np.min_scalar_type(max(space.sizes) - 1)


def write_attributes(
    group: zarr.Group, folder: Path, own: Mapping[str, Any], space: FactorSpace, others: Mapping[str, Any]
) -> None:
    """Describe a group whose arrays are all written; before that it does not open."""
    reserved = {
        **own,
        "format_version": FORMAT_VERSION,
        "space": {"names": list(space.names), "sizes": list(space.sizes), "nuisance": list(space.nuisance)},
        "arrays": {name: _file_digest(folder / name / METADATA) for name in group.array_keys()},
    }
    taken = sorted({*reserved, _DIGEST} & set(others))
    if taken:
        raise ValueError(f"the attributes {taken!r} are written by the store itself; choose other names")
    try:
        text = _canonical({**others, **reserved})
    except (TypeError, ValueError) as error:
        raise ValueError(f"expected attributes that JSON can hold; got {dict(others)!r}") from error
    group.update_attributes({**json.loads(text), _DIGEST: _digest(text)})


def open_store(
    path: Path, expected_format: str, schema: type[StoreAttributes], remedy_of: Callable[[Mapping[str, Any]], str]
) -> tuple[dict[str, Any], dict[str, "RowReader"]]:
    """Open a finished group: its attributes and a reader of each array, after every file but the shards was checked.

    `remedy_of` says what to run if it is damaged; it is called with the attributes, or with none if they are what is.
    """
    remedy = remedy_of({})
    attributes = _checked_attributes(path, remedy)
    found = (attributes.get("format"), attributes.get("format_version"))
    if found != (expected_format, FORMAT_VERSION):
        raise StoreError(f"expected {(expected_format, FORMAT_VERSION)!r} at {path}; got {found!r}; {remedy}")
    try:
        space = check_attributes(attributes, schema)
    except ValueError as error:
        raise StoreError(f"{path / METADATA}: {error}; {remedy}") from error
    remedy = remedy_of(attributes)
    readers = {name: _open_array(path / name, digest, remedy) for name, digest in attributes["arrays"].items()}
    if "factors" not in readers:
        raise StoreError(f"{path / METADATA} names no array 'factors'; {remedy}")
    require_shape(readers["factors"], (space.num_states, len(space.sizes)), str(_factor_dtype(space)))
    for reader in readers.values():
        reader.require_all_files()
    return attributes, readers


def _open_array(folder: Path, digest: str, remedy: str) -> "RowReader":
    metadata = folder / METADATA
    if not metadata.is_file() or _file_digest(metadata) != digest:
        raise StoreError(f"{metadata} is missing or damaged; {remedy}")
    try:
        array = zarr.open_array(folder, mode="r")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise StoreError(f"{metadata} does not describe an array of Zarr ({error!r}); {remedy}") from error
    return RowReader(array, folder, remedy)


def require_shape(reader: "RowReader", shape: tuple[int, ...], dtype: str) -> None:
    """Raise StoreError unless an array has the shape and type that the store's attributes imply."""
    found = (tuple(reader.array.shape), str(reader.array.dtype))
    if found != (shape, dtype):
        raise StoreError(
            f"{reader.folder}: expected {dtype} of shape {shape}; got {found[1]} of {found[0]}; {reader.remedy}"
        )


def read_attributes(path: Path | str) -> dict[str, Any]:
    """Attributes of an image store or a table, without its arrays being opened."""
    return _checked_attributes(Path(path), _remedy_of_any(Path(path)))


def open_factors(path: Path | str) -> tuple[FactorSpace, "RowReader"]:
    """Grid of an image store or a table, and a reader of the states (num_states, number of axes) that it wrote down."""
    path, remedy = Path(path), _remedy_of_any(Path(path))
    attributes = _checked_attributes(path, remedy)
    try:
        space = check_attributes(attributes, StoreAttributes)
    except ValueError as error:
        raise StoreError(f"{path / METADATA}: {error}; {remedy}") from error
    reader = _open_array(path / "factors", attributes["arrays"].get("factors", ""), remedy)
    require_shape(reader, (space.num_states, len(space.sizes)), str(_factor_dtype(space)))
    return space, reader


def _remedy_of_any(path: Path) -> str:
    """What to run for a store that may be of images or a table."""
    return (
        f"make it again with `dvc repro data/dvc.yaml:convert@{path.stem}` if it holds images, with `disbench convert` "
        "if they are your own, or with `dvc repro postprocess` if it is a table"
    )


def _checked_attributes(path: Path, remedy: str) -> dict[str, Any]:
    metadata = path / METADATA
    if not metadata.is_file():
        raise StoreError(f"no store at {path}; {remedy}")
    try:
        attributes = dict(zarr.open_group(path, mode="r", use_consolidated=False).attrs)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{metadata} is damaged ({error!r}); {remedy}") from error
    digest = attributes.pop(_DIGEST, None)
    if digest is None:
        raise StoreError(f"{metadata} does not describe a finished store of disbench; {remedy}")
    if digest != _digest(_canonical(attributes)):
        raise StoreError(f"{metadata} is damaged: the attributes do not match their checksum; {remedy}")
    return attributes


@dataclass(frozen=True)
class RowReader:
    """Reads rows of an array one shard at a time, so that a damaged file has a name.

    Parameters
    ----------
    array
        Cut along its rows only.
    folder
        Where its files are.
    remedy
        What to run if one of them is missing or damaged.
    """

    array: zarr.Array[Any]
    folder: Path
    remedy: str

    def require_all_files(self) -> None:
        """Raise StoreError if a shard has no file or an empty one; what is in it is checked when it is read."""
        num_files = -(-self.array.shape[0] // self._height)
        present = {file.name for file in self.folder.iterdir() if not _is_lost(file)}
        names = (self._file(shard).name for shard in range(num_files))
        missing = list(islice((name for name in names if name not in present), _MOST_NAMED))
        if missing:
            num_missing = num_files - len(present - {METADATA})
            raise StoreError(
                f"{self.folder} lacks {num_missing} of {num_files} files: {', '.join(missing)}"
                f"{', ...' if num_missing > _MOST_NAMED else ''}; {self.remedy}"
            )

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows [start, stop)."""
        rows = np.empty((stop - start, *self.array.shape[1:]), self.array.dtype)
        for shard in range(start // self._height, -(-stop // self._height)):
            first, last = max(start, shard * self._height), min(stop, (shard + 1) * self._height)
            rows[first - start : last - start] = self._select(shard, slice(first, last))
        return rows

    def take(self, rows: IntArray) -> NDArray[Any]:
        """Rows in any order, repeated or not; only the chunks that hold them are read."""
        wanted, inverse = np.unique(rows, return_inverse=True)
        found = np.empty((len(wanted), *self.array.shape[1:]), self.array.dtype)
        shards = wanted // self._height
        for shard in np.unique(shards):
            found[shards == shard] = self._select(int(shard), wanted[shards == shard])
        return np.asarray(found[inverse.reshape(-1)])

    @property
    def _height(self) -> int:
        shards = self.array.shards
        return int(self.array.shape[0] if shards is None else shards[0])

    def _file(self, shard: int) -> Path:
        return self.folder / ".".join(["c", str(shard), *["0"] * (self.array.ndim - 1)])

    def _select(self, shard: int, rows: slice | IntArray) -> NDArray[Any]:
        if _is_lost(self._file(shard)):
            raise StoreError(f"{self._file(shard)} is missing or empty; {self.remedy}")
        try:
            return np.asarray(self.array.oindex[rows])
        except (ValueError, RuntimeError, OSError) as error:
            raise StoreError(f"{self._file(shard)} is damaged ({error}); {self.remedy}") from error


def _is_lost(file: Path) -> bool:
    """Zarr reads a shard without a file, or with an empty one, as zeros."""
    return not file.is_file() or file.stat().st_size == 0


def _canonical(attributes: Mapping[str, Any]) -> str:
    return json.dumps(attributes, sort_keys=True, allow_nan=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _file_digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
