"""Image stores: every state of a grid is one row of an array of images.

Other tools read them as well: `xarray.open_zarr(path, consolidated=False)` shows images with the factors of each row.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from disbench.factors import FactorSpace, IntArray
from disbench.storage._arrays import RowReader, StoreError, open_store, require_shape
from disbench.storage._schema import ImageAttributes, space_from_json

ByteArray = NDArray[np.uint8]

FORMAT = "disbench images"


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
        return row_shape(self.image_shape, self.binary)

    @property
    def image_bytes(self) -> int:
        """Bytes of one image as stored."""
        return prod(self.stored_shape)

    @property
    def remedy(self) -> str:
        """What to run if the store is damaged, for messages."""
        return self._readers["images"].remedy

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
        return self._readers["images"].take(parse_rows(rows, self.space) % self.num_images)

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
    attributes, readers = open_store(path, FORMAT, ImageAttributes, partial(_remedy, path))
    remedy = _remedy(path, attributes)
    space, num_images = space_from_json(attributes), attributes["num_images"]
    if len(attributes["image_shape"]) != 3 or "images" not in readers or space.num_states % num_images:
        raise StoreError(f"{path}: {num_images:,} images of {attributes['image_shape']} for {space.sizes}; {remedy}")
    height, width, channels = attributes["image_shape"]
    store = ImageStore(path, space, (height, width, channels), attributes["binary"], num_images, attributes, readers)
    try:
        shape = store.stored_shape
    except ValueError as error:
        raise StoreError(f"{path}: {error}; {remedy}") from error
    require_shape(readers["images"], (num_images, *shape), "uint8")
    return store


def _remedy(path: Path, attributes: Mapping[str, Any]) -> str:
    """What makes a store again, as far as it says itself: only of a user's own does it name what it was made of."""
    if attributes.get("convert_arguments"):
        return f"make it again with `disbench convert {shlex.join(attributes['convert_arguments'])}`"
    return (
        f"make it again with `dvc repro {'--force ' if attributes else ''}data/dvc.yaml:convert@{path.stem}`, or with "
        "`disbench convert` if the data set is your own"
    )


def unpack(packed: ByteArray) -> ByteArray:
    """Binary images (n, height, width, 1) of values 0 and 255 from their packed form (n, height, width / 8)."""
    return np.unpackbits(packed, axis=-1)[..., None] * np.uint8(255)


def row_shape(image_shape: tuple[int, int, int], binary: bool) -> tuple[int, ...]:
    """Shape of one image as stored; ValueError if it cannot be packed."""
    height, width, channels = image_shape
    if not binary:
        return image_shape
    if channels != 1 or width % 8:
        raise ValueError(f"expected binary images of one channel and a width that 8 divides; got {image_shape!r}")
    return height, width // 8


def parse_rows(rows: ArrayLike, space: FactorSpace, name: str = "images", limit: int | None = None) -> IntArray:
    """`rows` as int64 (n,), if they are rows of the grid; otherwise ValueError."""
    rows, limit = np.asarray(rows), space.num_states if limit is None else limit
    if rows.ndim != 1 or not np.issubdtype(rows.dtype, np.integer):
        raise ValueError(f"{name}: expected integer rows of one dimension; got {rows.dtype} of shape {rows.shape}")
    if rows.size and (rows.min() < 0 or rows.max() >= limit):
        sizes = " x ".join(map(str, space.sizes))
        raise ValueError(f"{name}: rows {rows.min():,} to {rows.max():,} for a grid of {limit:,} states ({sizes})")
    return rows.astype(np.int64, copy=False)
