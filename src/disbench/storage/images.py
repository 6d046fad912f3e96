"""Image stores: every state of a grid is one row of an array of images.

Other tools read them as well: `xarray.open_zarr(path, consolidated=False)` shows images with the factors of each row.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import ArrayLike, NDArray

from disbench.factors import FactorSpace, IntArray
from disbench.storage._arrays import (
    RowReader,
    create_array,
    open_store,
    space_from_json,
    write_attributes,
    write_factors,
)
from disbench.storage._replace import replacing

ByteArray = NDArray[np.uint8]

_FORMAT = "disbench images"
_PACKING = "8 pixels a byte along the columns, column 0 in the most significant bit; 1 is 255"


@dataclass(frozen=True)
class ImageStore:
    """Images of all states of a grid, open for reading.

    Parameters
    ----------
    path
        Folder of the store.
    space
        The grid of factors; row r of the images is state r.
    image_shape
        Height, width and channels.
    binary
        Pixels are 0 or 255 and stored packed, 8 columns a byte, column 0 in the most significant bit.
    attributes
        What the store says of itself: source, licence, statistics.
    """

    path: Path
    space: FactorSpace
    image_shape: tuple[int, int, int]
    binary: bool
    attributes: Mapping[str, Any]
    _reader: RowReader

    @property
    def checksum(self) -> str:
        """`sha256:` and the SHA-256 of all stored rows in order."""
        return str(self.attributes["checksum"])

    def images(self, rows: ArrayLike) -> ByteArray:
        """Images uint8 (n, height, width, channels) from 0 to 255 of rows (n,), in any order."""
        stored = self._reader.take(_parse_rows(rows, self.space))
        return unpack(stored) if self.binary else stored

    def read(self, start: int, stop: int) -> ByteArray:
        """Rows [start, stop) as stored: uint8 (n, height, width, channels), or (n, height, width / 8) if binary.

        Cheapest for whole shards: 16384 aligned rows of a binary set, 4096 of any other.
        """
        if not 0 <= start <= stop <= self.space.num_states:
            raise ValueError(f"expected 0 <= start <= stop <= {self.space.num_states}; got {start!r} and {stop!r}")
        return self._reader.read(start, stop)

    def load(self) -> ByteArray:
        """All stored rows, in memory once; shapes as in `read`."""
        return self.read(0, self.space.num_states)


def open_dataset(path: Path | str) -> ImageStore:
    """Open an image store.

    Raises
    ------
    StoreError
        The store is missing, unfinished, of another format, or a file of it is missing. A damaged file is found
        when its rows are read.
    """
    path = Path(path)
    remedy = f"make it again with `dvc repro data/dvc.yaml:convert@{path.stem}`"
    attributes, readers = open_store(path, _FORMAT, remedy)
    height, width, channels = attributes["image_shape"]
    return ImageStore(
        path,
        space_from_json(attributes),
        (height, width, channels),
        attributes["binary"],
        attributes,
        readers["images"],
    )


@contextmanager
def create_dataset(
    path: Path | str, space: FactorSpace, image_shape: tuple[int, int, int], *, binary: bool
) -> Iterator["ImageWriter"]:
    """Write an image store; it appears at `path` when the block ends, if every row was written exactly once.

    A store that is there already is replaced. The same images and attributes give the same bytes.
    """
    with replacing(Path(path)) as folder:
        writer = ImageWriter(folder, space, image_shape, binary, Path(path).name)
        yield writer
        writer.finish()


class ImageWriter:
    """Takes the images of a grid in blocks of any order and writes whole shards.

    Attributes
    ----------
    attributes
        To be filled with whatever else the store shall say of itself; JSON values.
    """

    def __init__(
        self, folder: Path, space: FactorSpace, image_shape: tuple[int, int, int], binary: bool, name: str
    ) -> None:
        self.attributes: dict[str, Any] = {}
        self._folder, self._space, self._name = folder, space, name
        self._image_shape, self._binary = image_shape, binary
        self._row_shape = _row_shape(image_shape, binary)
        chunk, self._height = (1024, 16384) if binary else (64, 4096)
        self._group = zarr.create_group(folder)
        self._array = create_array(
            self._group,
            "images",
            (space.num_states, *self._row_shape),
            np.dtype(np.uint8),
            chunk=chunk,
            shard=self._height,
            dimensions=("row", "height", "byte") if binary else ("row", "height", "width", "channel"),
        )
        self._array.update_attributes({"coordinates": "factors"})
        self._written = np.zeros(space.num_states, bool)
        self._pending: dict[int, ByteArray] = {}
        self._next = 0
        self._hash = hashlib.sha256()

    def write(self, rows: IntArray, images: ByteArray) -> None:
        """Store images uint8 (n, height, width, channels), or packed (n, height, width / 8), at rows (n,)."""
        rows = _parse_rows(rows, self._space, self._name)
        expected = (len(rows), *self._row_shape)
        if images.dtype != np.uint8 or images.shape != expected:
            raise ValueError(
                f"{self._name}: expected uint8 images of shape {expected} for {len(rows)} rows; "
                f"got {images.dtype} of shape {images.shape}"
            )
        distinct, count = np.unique(rows, return_counts=True)
        double = distinct[(count > 1) | self._written[distinct]]
        if len(double):
            raise ValueError(f"{self._name}: {_some(double)} written twice; every state has one image")
        self._written[rows] = True
        for shard in np.unique(rows // self._height):
            chosen = rows // self._height == shard
            self._buffer(int(shard))[rows[chosen] - shard * self._height] = images[chosen]
        self._flush()

    def require_all_rows(self) -> None:
        """Raise ValueError if a row was not written."""
        missing = np.flatnonzero(~self._written)
        if len(missing):
            raise ValueError(
                f"{self._name}: {_some(missing)} of {self._space.num_states:,} not written; every state needs an image"
            )

    def finish(self) -> None:
        """Write what describes the store, if no row is missing."""
        self.require_all_rows()
        write_factors(self._group, self._space)
        own = {
            "format": _FORMAT,
            "image_shape": list(self._image_shape),
            "binary": self._binary,
            "packing": _PACKING if self._binary else None,
            "checksum": f"sha256:{self._hash.hexdigest()}",
        }
        write_attributes(self._group, self._folder, own, self._space, self.attributes)

    def _buffer(self, shard: int) -> ByteArray:
        if shard not in self._pending:
            height = min(self._height, self._space.num_states - shard * self._height)
            self._pending[shard] = np.empty((height, *self._row_shape), np.uint8)
        return self._pending[shard]

    def _flush(self) -> None:
        """Write the shards that are whole, in order: the checksum runs over the rows."""
        while self._next in self._pending:
            start = self._next * self._height
            stop = start + len(self._pending[self._next])
            if not self._written[start:stop].all():
                return
            images = self._pending.pop(self._next)
            self._array[start:stop] = images
            self._hash.update(images.data)
            self._next += 1


def unpack(packed: ByteArray) -> ByteArray:
    """Binary images (n, height, width, 1) of values 0 and 255 from their packed form (n, height, width / 8)."""
    return np.unpackbits(packed, axis=-1)[..., None] * np.uint8(255)


def _row_shape(image_shape: tuple[int, int, int], binary: bool) -> tuple[int, ...]:
    height, width, channels = image_shape
    if not binary:
        return image_shape
    if channels != 1 or width % 8:
        raise ValueError(f"expected binary images of one channel and a width that 8 divides; got {image_shape!r}")
    return height, width // 8


def _parse_rows(rows: ArrayLike, space: FactorSpace, name: str = "images") -> IntArray:
    rows = np.asarray(rows)
    if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError(f"{name}: expected integer rows of one dimension; got {rows.dtype} of shape {rows.shape}")
    if rows.size and (rows.min() < 0 or rows.max() >= space.num_states):
        sizes = " x ".join(map(str, space.sizes))
        raise ValueError(
            f"{name}: rows {rows.min():,} to {rows.max():,} for a grid of {space.num_states:,} states ({sizes})"
        )
    return rows.astype(np.int64, copy=False)


def _some(rows: IntArray) -> str:
    shown = ", ".join(map(str, rows[:5]))
    return f"{len(rows):,} row{'s' if len(rows) > 1 else ''} ({shown}{', ...' if len(rows) > 5 else ''})"
