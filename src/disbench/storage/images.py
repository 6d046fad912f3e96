"""Image stores: every state of a grid is one row of an array of images.

Other tools read them as well: `xarray.open_zarr(path, consolidated=False)` shows images with the factors of each row.
"""

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
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
    num_images
        Number of stored images. It is the number of states, or a divisor of it: then the images repeat along the
        grid, and the observation process paints what the leading axes say.
    attributes
        What the store says of itself: source, licence, statistics, observation process.
    """

    path: Path
    space: FactorSpace
    image_shape: tuple[int, int, int]
    binary: bool
    num_images: int
    attributes: Mapping[str, Any]
    _readers: Mapping[str, RowReader]

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Shape of one image as stored: (height, width, channels), or (height, width / 8) if binary."""
        return _row_shape(self.image_shape, self.binary)

    @property
    def image_bytes(self) -> int:
        """Bytes of one image as stored."""
        return prod(self.stored_shape)

    @property
    def checksum(self) -> str:
        """`sha256:` and the SHA-256 of all stored rows in order."""
        return str(self.attributes["checksum"])

    def images(self, rows: ArrayLike) -> ByteArray:
        """Images uint8 (n, height, width, channels) from 0 to 255 of rows (n,), in any order."""
        stored = self.take(rows)
        return unpack(stored) if self.binary else stored

    def read(self, start: int, stop: int) -> ByteArray:
        """Images [start, stop) as stored: uint8 (n, height, width, channels), or (n, height, width / 8) if binary.

        Cheapest for whole shards: 16384 aligned images of a binary set, 4096 of any other.
        """
        if not 0 <= start <= stop <= self.num_images:
            raise ValueError(f"expected 0 <= start <= stop <= {self.num_images}; got {start!r} and {stop!r}")
        return self._readers["images"].read(start, stop)

    def take(self, rows: ArrayLike) -> ByteArray:
        """Images of rows (n,) in any order, as stored; shapes as in `read`."""
        return self._readers["images"].take(_parse_rows(rows, self.space) % self.num_images)

    def load(self) -> ByteArray:
        """All stored images, in memory once; shapes as in `read`."""
        return self.read(0, self.num_images)

    def extras(self) -> dict[str, ByteArray]:
        """Arrays that the observation process needs besides the images, whole."""
        readers = {name: reader for name, reader in self._readers.items() if name not in ("images", "factors")}
        return {name: reader.read(0, reader.array.shape[0]) for name, reader in readers.items()}


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
        attributes["num_images"],
        attributes,
        readers,
    )


@contextmanager
def create_dataset(
    path: Path | str, space: FactorSpace, image_shape: tuple[int, int, int], *, binary: bool, repeats: int = 1
) -> Iterator["ImageWriter"]:
    """Write an image store; it appears at `path` when the block ends, if every image was written exactly once.

    A store that is there already is replaced. The same images and attributes give the same bytes. With `repeats`,
    the images are those of the first 1/repeats of the grid, and row r shows image `r % num_images`.
    """
    with replacing(Path(path)) as folder, ThreadPoolExecutor(max_workers=2) as pool:
        writer = ImageWriter(folder, space, image_shape, binary, Path(path).name, repeats, pool)
        yield writer
        writer.finish()


class ImageWriter:
    """Takes the images of a grid in blocks of any order and writes whole shards.

    While one shard is compressed and hashed, in two threads, the next one is filled.

    Attributes
    ----------
    attributes
        To be filled with whatever else the store shall say of itself; JSON values.
    """

    def __init__(
        self,
        folder: Path,
        space: FactorSpace,
        image_shape: tuple[int, int, int],
        binary: bool,
        name: str,
        repeats: int,
        pool: ThreadPoolExecutor,
    ) -> None:
        if space.num_states % repeats:
            raise ValueError(f"{name}: expected repeats that divide {space.num_states:,} states; got {repeats!r}")
        self.attributes: dict[str, Any] = {}
        self._folder, self._space, self._name = folder, space, name
        self._num_images = space.num_states // repeats
        self._image_shape, self._binary = image_shape, binary
        self._row_shape = _row_shape(image_shape, binary)
        chunk, self._height = (1024, 16384) if binary else (64, 4096)
        self._group = zarr.create_group(folder)
        self._array = create_array(
            self._group,
            "images",
            (self._num_images, *self._row_shape),
            np.dtype(np.uint8),
            chunk=chunk,
            shard=self._height,
            # Level 3 makes noisy images 1.5 % smaller than level 1, and takes five times as long.
            level=3 if binary else 1,
            dimensions=(
                "row" if repeats == 1 else "image",
                *(("height", "byte") if binary else ("height", "width", "channel")),
            ),
        )
        if repeats == 1:
            self._array.update_attributes({"coordinates": "factors"})
        self._written = np.zeros(self._num_images, bool)
        self._pending: dict[int, ByteArray] = {}
        self._next = 0
        self._hash = hashlib.sha256()
        self._pool, self._running = pool, list[Future[None]]()

    def write(self, rows: IntArray, images: ByteArray) -> None:
        """Store images uint8 (n, height, width, channels), or packed (n, height, width / 8), at rows (n,)."""
        rows = _parse_rows(rows, self._space, self._name, self._num_images)
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
            places = rows[chosen] - shard * self._height
            self._buffer(int(shard))[_slice_of(places)] = images[_slice_of(np.flatnonzero(chosen))]
        self._flush()

    def require_all_rows(self) -> None:
        """Raise ValueError if a row was not written."""
        missing = np.flatnonzero(~self._written)
        if len(missing):
            raise ValueError(
                f"{self._name}: {_some(missing)} of {self._num_images:,} not written; every state needs an image"
            )

    def add_extra(self, name: str, values: ByteArray) -> None:
        """Store one more array beside the images, whole; `name` is neither images nor factors."""
        dimensions = tuple(f"{name}_{axis}" for axis in range(values.ndim))
        num = len(values)
        array = create_array(self._group, name, values.shape, values.dtype, chunk=num, shard=num, dimensions=dimensions)
        array[:] = values

    def finish(self) -> None:
        """Write what describes the store, if no row is missing."""
        self.require_all_rows()
        self._wait()
        write_factors(self._group, self._space)
        own = {
            "format": _FORMAT,
            "image_shape": list(self._image_shape),
            "binary": self._binary,
            "num_images": self._num_images,
            "packing": _PACKING if self._binary else None,
            "checksum": f"sha256:{self._hash.hexdigest()}",
        }
        write_attributes(self._group, self._folder, own, self._space, self.attributes)

    def _buffer(self, shard: int) -> ByteArray:
        if shard not in self._pending:
            height = min(self._height, self._num_images - shard * self._height)
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
            self._wait()
            self._running = [
                self._pool.submit(self._array.__setitem__, slice(start, stop), images),
                self._pool.submit(self._hash.update, images.data),
            ]
            self._next += 1

    def _wait(self) -> None:
        for future in self._running:
            future.result()
        self._running = []


def unpack(packed: ByteArray) -> ByteArray:
    """Binary images (n, height, width, 1) of values 0 and 255 from their packed form (n, height, width / 8)."""
    return np.unpackbits(packed, axis=-1)[..., None] * np.uint8(255)


def _slice_of(indices: IntArray) -> IntArray | slice:
    """Return indices as a slice if they are consecutive: copying is then three times faster."""
    start, stop = int(indices[0]), int(indices[-1]) + 1
    consecutive = stop - start == len(indices) and bool((np.diff(indices) == 1).all())
    return slice(start, stop) if consecutive else indices


def _row_shape(image_shape: tuple[int, int, int], binary: bool) -> tuple[int, ...]:
    height, width, channels = image_shape
    if not binary:
        return image_shape
    if channels != 1 or width % 8:
        raise ValueError(f"expected binary images of one channel and a width that 8 divides; got {image_shape!r}")
    return height, width // 8


def _parse_rows(rows: ArrayLike, space: FactorSpace, name: str = "images", limit: int | None = None) -> IntArray:
    rows, limit = np.asarray(rows), space.num_states if limit is None else limit
    if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError(f"{name}: expected integer rows of one dimension; got {rows.dtype} of shape {rows.shape}")
    if rows.size and (rows.min() < 0 or rows.max() >= limit):
        sizes = " x ".join(map(str, space.sizes))
        raise ValueError(f"{name}: rows {rows.min():,} to {rows.max():,} for a grid of {limit:,} states ({sizes})")
    return rows.astype(np.int64, copy=False)


def _some(rows: IntArray) -> str:
    shown = ", ".join(map(str, rows[:5]))
    return f"{len(rows):,} row{'s' if len(rows) > 1 else ''} ({shown}{', ...' if len(rows) > 5 else ''})"
