"""Images of a user's own: arrays in files, or pictures in a folder."""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from disbench.datasets import _streams
from disbench.factors import IntArray

Images = NDArray[np.uint8]

_PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class OwnImages:
    """Images that can be read one by one, or only from the first to the last.

    Parameters
    ----------
    num_images, image_shape
        How many, and their height, width and channels.
    take
        Images (n, *image_shape) at indices (n,); None if they can only be streamed.
    stream
        All images in their order.
    """

    num_images: int
    image_shape: tuple[int, int, int]
    take: Callable[[IntArray], Images] | None
    stream: Callable[[], Iterator[Images]]


def open_images(path: Path) -> OwnImages:
    """Look at what is there; ValueError says what is expected."""
    if path.is_dir():
        return _open_folder(path)
    openers = {".npy": _open_npy, ".npz": _open_npz, ".h5": _open_hdf5, ".hdf5": _open_hdf5}
    if path.suffix not in openers:
        raise ValueError(f"{path}: expected a folder or a file that ends in {', '.join(openers)}")
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    return openers[path.suffix](path)


def _open_npy(path: Path) -> OwnImages:
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # NumPy's reader raises what its parsers do, SyntaxError among them
        raise ValueError(f"{path}: not readable as .npy: {error}") from error
    shape = _image_shape(path, array.shape, array.dtype)
    return OwnImages(len(array), shape, lambda rows: array[rows].reshape(-1, *shape), lambda: iter(()))


def _open_npz(path: Path) -> OwnImages:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise ValueError(f"{path}: expected one array; got {len(names)}: {', '.join(names)}")
            with archive.open(names[0]) as file:
                stored, dtype = _streams.npy_header(file, f"{path}: {names[0]}")
    except _streams.ARCHIVE_FAULTS as error:
        raise ValueError(f"{path}: not readable as .npz: {error}") from error
    shape = _image_shape(path, stored, dtype)

    def stream() -> Iterator[Images]:
        for block in _streams.npz_blocks(path, names[0].removesuffix(".npy"), stored[1:], stored[0]):
            yield block.reshape(-1, *shape)

    return OwnImages(stored[0], shape, None, stream)


def _open_hdf5(path: Path) -> OwnImages:
    import h5py

    try:
        file = h5py.File(path, "r")
        found = {name: item for name, item in file.items() if isinstance(item, h5py.Dataset)}
        described = {name: (item.shape, item.dtype) for name, item in found.items()}
    except (ValueError, *_streams.HDF5_FAULTS) as error:
        raise ValueError(f"{path}: not readable as HDF5: {error}") from error
    if "images" not in found and len(found) != 1:
        raise ValueError(f"{path}: expected a data set called 'images', or just one; got {', '.join(found) or 'none'}")
    name = "images" if "images" in found else next(iter(found))
    data, shape = found[name], _image_shape(path, *described[name])

    def take(rows: IntArray) -> Images:
        wanted, inverse = np.unique(rows, return_inverse=True)  # HDF5 reads rising indices only
        try:
            return np.asarray(data[wanted])[inverse].reshape(-1, *shape)
        except (ValueError, *_streams.HDF5_FAULTS) as error:
            raise ValueError(f"{path}: not readable as HDF5: {error}") from error

    return OwnImages(len(data), shape, take, lambda: iter(()))


def _open_folder(path: Path) -> OwnImages:
    files = sorted(file for file in path.iterdir() if file.suffix.lower() in _PICTURES)
    if not files:
        raise ValueError(f"{path}: no pictures; expected files that end in {', '.join(_PICTURES)}")
    first = _read_picture(files[0])

    def take(rows: IntArray) -> Images:
        pictures = [_read_picture(files[row]) for row in rows]
        wrong = next((row for row, picture in zip(rows, pictures, strict=True) if picture.shape != first.shape), None)
        if wrong is not None:
            raise ValueError(
                f"{files[wrong]}: expected {first.shape} as in {files[0].name}; got {_read_picture(files[wrong]).shape}"
            )
        return np.stack(pictures)

    height, width, channels = first.shape
    return OwnImages(len(files), (height, width, channels), take, lambda: iter(()))


def _read_picture(path: Path) -> Images:
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))
    except Exception as error:  # Pillow's readers raise what their parsers do, SyntaxError among them
        raise ValueError(f"{path}: not readable as a picture: {error}") from error
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _image_shape(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, int, int]:
    if dtype != np.uint8 or not all(shape) or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 3)):
        raise ValueError(
            f"{path}: expected images uint8 (n, height, width) or (n, height, width, 1 or 3) from 0 to 255; "
            f"got {dtype} of shape {shape}"
        )
    return shape[1], shape[2], shape[3] if len(shape) == 4 else 1
