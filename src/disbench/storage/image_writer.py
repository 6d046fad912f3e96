"""Writing image stores: images in any order become whole shards, each row exactly once."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from disbench.factors import FactorSpace, IntArray
from disbench.storage._arrays import create_array, write_attributes, write_factors
from disbench.storage._replace import replacing
from disbench.storage.images import FORMAT, ByteArray, parse_rows, row_shape

_PACKING = "8 pixels a byte along the columns, column 0 in the most significant bit; 1 is 255"


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
        self._row_shape = row_shape(image_shape, binary)
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
        rows = parse_rows(rows, self._space, self._name, self._num_images)
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
            "format": FORMAT,
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


def _slice_of(indices: IntArray) -> IntArray | slice:
    """Return indices as a slice if they are consecutive: copying is then three times faster."""
    start, stop = int(indices[0]), int(indices[-1]) + 1
    consecutive = stop - start == len(indices) and bool((np.diff(indices) == 1).all())
    return slice(start, stop) if consecutive else indices


def _some(rows: IntArray) -> str:
    shown = ", ".join(map(str, rows[:5]))
    return f"{len(rows):,} row{'s' if len(rows) > 1 else ''} ({shown}{', ...' if len(rows) > 5 else ''})"
