"""SmallNORB's binary matrices, both splits, in the order of the files."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from disbench.datasets._streams import ARCHIVE_FAULTS, read_rows
from disbench.factors import FactorSpace, IntArray

SPACE = FactorSpace(
    names=("category", "instance", "elevation", "azimuth", "lighting"),
    sizes=(5, 10, 9, 18, 6),
    nuisance=("instance",),
)
SPLITS = ("smallnorb-5x46789x9x18x6x2x96x96-training", "smallnorb-5x01235x9x18x6x2x96x96-testing")

_UINT8, _INT32 = 0x1E3D4C55, 0x1E3D4C54
_NUM_IMAGES = 1024  # read at a time


def blocks(raw: Path | None, size: int = 96, num_images: int = 24300) -> Iterator[tuple[IntArray, NDArray[np.uint8]]]:
    """Rows (n,) of `SPACE` and the left camera's images (n, size, size, 1), both splits.

    Raises
    ------
    ValueError
        A file is damaged, truncated, of another type or shape, or its factors are not on the grid.
    """
    for split in SPLITS:
        rows = _rows(Path(raw or "."), split, num_images)
        start = 0
        for images in _matrix(Path(raw or "."), f"{split}-dat", _UINT8, (num_images, 2, size, size)):
            yield rows[start : start + len(images)], images[:, 0, :, :, None]
            start += len(images)


def _rows(raw: Path, split: str, num_images: int) -> IntArray:
    category = _integers(raw, f"{split}-cat", (num_images,))
    instance, elevation, azimuth, lighting = _integers(raw, f"{split}-info", (num_images, 4)).T
    if (azimuth % 2).any():
        raise ValueError(f"{raw / split}-info: expected azimuths 0, 2, ..., 34; got odd ones")
    states = np.stack([category, instance, elevation, azimuth // 2, lighting], axis=-1)
    try:
        return SPACE.rows(states)
    except ValueError as error:
        raise ValueError(f"{raw / split}-info: {error}") from error


def _integers(raw: Path, name: str, shape: tuple[int, ...]) -> IntArray:
    content = np.concatenate(list(_matrix(raw, name, _INT32, shape)))
    return content.reshape(-1).view("<i4").reshape(shape).astype(np.int64)


def _matrix(raw: Path, name: str, magic: int, shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    """Rows of a binary matrix as bytes, in blocks: magic number, number of dimensions, dimensions, values."""
    path = raw / f"{name}.mat.gz"
    try:
        with gzip.open(path) as opened:
            file = cast(IO[bytes], opened)
            _check_header(file, path, magic, shape)
            row_shape = (*shape[1:], 4) if magic == _INT32 else shape[1:]
            for start in range(0, shape[0], _NUM_IMAGES):
                yield read_rows(file, str(path), (min(_NUM_IMAGES, shape[0] - start), *row_shape))
            if file.read(1):  # reading to the end is what checks the CRC-32
                raise ValueError(f"{path} goes on after {shape[0]:,} rows")
    except FileNotFoundError:
        raise
    except ARCHIVE_FAULTS as error:
        raise ValueError(f"{path} is damaged or truncated ({error}); fetch it again") from error


def _check_header(file: IO[bytes], path: Path, magic: int, shape: tuple[int, ...]) -> None:
    num = max(3, len(shape))  # at least three dimensions are written
    header = np.frombuffer(read_rows(file, str(path), (4 * (2 + num),)).tobytes(), "<u4")
    found = (int(header[0]), int(header[1]), tuple(header[2 : 2 + len(shape)].tolist()))
    if found != (magic, len(shape), shape):
        raise ValueError(f"{path}: expected a binary matrix {(hex(magic), shape)}; got {(hex(found[0]), found[2])}")
