"""Arrays of raw files, read in blocks: a member of an .npz, compressed or not, or a data set of HDF5."""

import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from disbench.datasets import _hdf5

ByteArray = NDArray[np.uint8]

ARCHIVE_FAULTS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError, NotImplementedError, RuntimeError,
    OverflowError, UnicodeError, TypeError, IndexError,
)  # fmt: skip
"""What the readers of archives raise for damaged ones."""
HDF5_FAULTS = (OSError, RuntimeError, KeyError, TypeError, OverflowError, UnicodeError, NotImplementedError, IndexError)
"""What h5py raises for damaged files."""
_BLOCK_BYTES = 32 << 20
_LARGEST_ARRAY_BYTES = 256 << 20


def npz_blocks(path: Path, member: str, row_shape: tuple[int, ...], num_rows: int) -> Iterator[ByteArray]:
    """Rows of a uint8 array (num_rows, *row_shape) in an .npz, in order; nothing is unpickled, no other member read.

    Raises
    ------
    ValueError
        The file is damaged or truncated, has no such member, or one of another dtype or shape.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{member}.npy") as file:
            yield from _npy_rows(file, f"{path}: {member}", row_shape, num_rows)
            if file.read(1):  # reading to the end is what checks the CRC-32
                raise ValueError(f"{path}: {member} goes on after {num_rows:,} rows")
    except KeyError as error:
        raise ValueError(f"{path}: no array called {member!r}; is it the published file?") from error
    except ARCHIVE_FAULTS as error:
        raise ValueError(f"{path} is damaged or truncated ({error}); fetch it again") from error


def npz_array(path: Path, member: str) -> NDArray[Any]:
    """Return one whole array of an .npz, of at most 256 MiB; nothing is unpickled."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(f"{member}.npy") as file:
            shape, _, dtype = _read_header(file, f"{path}: {member}")
    except KeyError as error:
        raise ValueError(f"{path}: no array called {member!r}; is it the published file?") from error
    except ARCHIVE_FAULTS as error:
        raise ValueError(f"{path} is damaged or truncated ({error}); fetch it again") from error
    _check_size(f"{path}: {member}", shape, dtype)
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            return np.asarray(arrays[member])
    except KeyError as error:
        raise ValueError(f"{path}: no array called {member!r}; is it the published file?") from error
    except Exception as error:  # NumPy's reader raises what its parsers do, SyntaxError among them
        raise ValueError(f"{path} is damaged or truncated ({error}); fetch it again") from error


def npy_header(file: IO[bytes], what: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of an array in NumPy's format, the file left at its first value.

    Raises
    ------
    ValueError
        It is not in that format, or not in C order.
    """
    shape, fortran_order, dtype = _read_header(file, what)
    if fortran_order and len(shape) > 1:
        raise ValueError(f"{what}: expected an array in C order; got Fortran order, save it again in C order")
    return shape, dtype


def _read_header(file: IO[bytes], what: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran_order, dtype = read(file)
    except (OSError, zlib.error, zipfile.BadZipFile):
        raise
    except Exception as error:  # NumPy's reader raises what its parsers do, SyntaxError among them
        raise ValueError(f"{what}: not an array in NumPy's format ({error})") from error
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError(f"{what}: expected sizes that are whole numbers; got {shape}")
    return shape, fortran_order, dtype


def hdf5_blocks(path: Path, name: str, row_shape: tuple[int, ...], num_rows: int) -> Iterator[ByteArray]:
    """Rows of a uint8 data set (num_rows, *row_shape) of an HDF5 file, in order.

    Blocks are whole chunks high, so that none is decompressed twice, as long as that many rows are below 256 MiB.

    Raises
    ------
    ValueError
        The file is damaged, has no such data set, or one of another dtype or shape.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if not isinstance(file.get(name), h5py.Dataset):
                raise ValueError(f"{path}: no data set called {name!r}; is it the published file?")
            images = file[name]
            _check_array(f"{path}: {name}", images.shape, images.dtype, (num_rows, *row_shape))
            yield from _hdf5.image_blocks(path, images)
    except HDF5_FAULTS as error:
        raise ValueError(f"{path} is damaged or truncated ({error}); fetch it again") from error


def hdf5_array(path: Path, name: str) -> NDArray[Any]:
    """Return one whole data set of an HDF5 file, of at most 256 MiB."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if not isinstance(file.get(name), h5py.Dataset):
                raise ValueError(f"{path}: no data set called {name!r}; is it the published file?")
            _check_size(f"{path}: {name}", file[name].shape or (), file[name].dtype)
            return np.asarray(file[name][:])
    except HDF5_FAULTS as error:
        raise ValueError(f"{path} is damaged or truncated ({error}); fetch it again") from error


def _npy_rows(file: IO[bytes], what: str, row_shape: tuple[int, ...], num_rows: int) -> Iterator[ByteArray]:
    shape, dtype = npy_header(file, what)
    _check_array(what, shape, dtype, (num_rows, *row_shape))
    height = max(1, _BLOCK_BYTES // int(np.prod(row_shape)))
    for start in range(0, num_rows, height):
        yield read_rows(file, what, (min(height, num_rows - start), *row_shape))


def read_rows(file: IO[bytes], what: str, shape: tuple[int, ...]) -> ByteArray:
    """Read the next uint8 values of a file into an array of this shape; ValueError if it ends before."""
    rows = np.empty(shape, np.uint8)
    view, got = memoryview(rows.reshape(-1).data), 0
    while got < len(view):
        num = cast(Any, file).readinto(view[got:])
        if not num:
            raise ValueError(f"{what} ends after {got:,} of {len(view):,} bytes of a block; fetch it again")
        got += num
    return rows


def _check_size(what: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Arrays of factors are read whole; a small file may claim to hold more than fits into memory."""
    num_bytes = math.prod(shape) * dtype.itemsize
    if num_bytes > _LARGEST_ARRAY_BYTES:
        raise ValueError(f"{what}: {num_bytes:,} bytes, at most {_LARGEST_ARRAY_BYTES:,} are read; shape {shape}")


def _check_array(what: str, shape: tuple[int, ...], dtype: np.dtype[Any], expected: tuple[int, ...]) -> None:
    if shape[0:1] != expected[0:1]:
        num = f"{shape[0]:,} images" if shape else "a single value"
        raise ValueError(f"{what}: {num} for a grid of {expected[0]:,} states; array of shape {shape}")
    if shape != expected or dtype != np.uint8:
        raise ValueError(f"{what}: expected uint8 of shape {expected}; got {dtype} of shape {shape}")
