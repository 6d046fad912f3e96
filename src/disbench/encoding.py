"""Codes of a user's images."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import nn

from disbench import storage
from disbench.models import load_encoder
from disbench.seeds import derive_rng, derive_seed
from disbench.training.load import load_images, observed_shape

_BATCH_SIZE = 64  # as in training/encode.py
_FLOAT_RANGE = (-0.5, 1.5)  # of images that were scaled to [0, 1], with what resampling adds to it

Batches = Iterator[torch.Tensor]


def encode_file(model: Path, images: Path, codes: Path, *, sampled: bool = False, seed: int = 0) -> tuple[int, int]:
    """Encode images and write their codes, float32 (n, num_latents), as a .npy file that appears whole or not at all.

    Images are read and encoded 64 at a time, so memory does not grow with their number; those of a store are kept
    in memory if they fit.

    Parameters
    ----------
    model
        Folder of a trained or imported model.
    images
        (n, height, width, channels), uint8 from 0 to 255, or boolean or floating-point in [0, 1]: a .npy file, a .npz
        file of one array, or an image store (.zarr), whose states are then encoded in the order of its rows.
    codes
        The file to write.
    sampled
        Draw each code from its posterior, with noise derived from `seed`, instead of taking the mean.

    Returns
    -------
    n, num_latents

    Raises
    ------
    ValueError
        If the images are of another shape, type or range than the encoder takes.
    """
    if codes.suffix != ".npy":
        raise ValueError(f"{codes}: expected a file that ends in .npy for the codes; got {codes.suffix!r}")
    encoder: Any = load_encoder(model)
    rng = derive_rng(seed, "encode")
    with _batches(images, encoder.image_shape, seed) as (num, batches), _writing(codes) as file:
        header = {"descr": npy.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False}
        npy.write_array_header_1_0(file, header | {"shape": (num, encoder.num_latents)})
        for batch in batches:
            file.write(_codes(encoder, batch, rng if sampled else None).tobytes())
    return num, encoder.num_latents


@torch.inference_mode()
def _codes(encoder: nn.Module, batch: torch.Tensor, rng: np.random.Generator | None) -> NDArray[np.float32]:
    mean, log_variance = (values.numpy() for values in encoder(batch))
    if rng is not None:
        mean = mean + np.exp(0.5 * log_variance) * rng.standard_normal(mean.shape, np.float32)
    return np.ascontiguousarray(mean, np.float32)


@contextmanager
def _batches(path: Path, image_shape: tuple[int, int, int], seed: int) -> Iterator[tuple[int, Batches]]:
    """Yield the number of images, and an iterator over batches (n, channels, height, width) in [0, 1]."""
    if path.suffix == ".zarr":
        store = storage.open_dataset(path)
        _require_shape(path, (store.space.num_states, *observed_shape(store)), image_shape)
        stored = load_images(
            store, device=torch.device("cpu"), dtype=torch.float32, seed=derive_seed(seed, "observations")
        )
        starts = range(0, len(stored), _BATCH_SIZE)
        yield len(stored), (stored.batch(slice(start, start + _BATCH_SIZE)) for start in starts)
        return
    with _open_array(path) as file:
        try:
            version = npy.read_magic(file)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran_order, dtype = read_header(file)
        except ValueError as error:
            raise ValueError(f"{path}: not readable as an array: {error}") from error
        _require_shape(path, shape, image_shape)
        if fortran_order or not (dtype == np.uint8 or dtype == np.bool_ or dtype.kind == "f"):
            raise ValueError(
                f"{path}: expected images of type uint8, bool or float, in C order; got {dtype}"
                f"{' in Fortran order' if fortran_order else ''}"
            )
        yield shape[0], _read_batches(path, file, shape, dtype)


def _read_batches(path: Path, file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Batches:
    row_bytes, largest = int(np.prod(shape[1:])) * dtype.itemsize, 0
    for start in range(0, shape[0], _BATCH_SIZE):
        n = min(_BATCH_SIZE, shape[0] - start)
        content = file.read(n * row_bytes)
        if len(content) != n * row_bytes:
            raise ValueError(f"{path}: expected {shape[0]:,} images; the file ends after {start:,} or a few more")
        images = np.frombuffer(content, dtype).reshape(n, *shape[1:])
        if dtype == np.uint8:
            largest = max(largest, int(images.max()))
        elif dtype.kind == "f":
            low, high = float(images.min()), float(images.max())  # nan if one is nan
            if not (low >= _FLOAT_RANGE[0] and high <= _FLOAT_RANGE[1]):
                raise ValueError(
                    f"{path}: expected floating-point images in [0, 1]; images {start:,} to {start + n - 1:,} have "
                    f"{low:g} to {high:g}; divide by 255, or give uint8"
                )
        scaled = images.astype(np.float32) / np.float32(255 if dtype == np.uint8 else 1)
        yield torch.from_numpy(np.ascontiguousarray(scaled.transpose(0, 3, 1, 2)))
    if dtype == np.uint8 and largest == 1:
        raise ValueError(
            f"{path}: expected uint8 images from 0 to 255; got only 0 and 1; multiply by 255, or give them as bool"
        )


@contextmanager
def _open_array(path: Path) -> Iterator[IO[bytes]]:
    """Yield the file of an array, without unpacking a compressed one to memory."""
    if path.suffix not in (".npy", ".npz"):
        raise ValueError(f"{path}: expected images in a file that ends in .npy, .npz or .zarr; got {path.suffix!r}")
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    if path.suffix == ".npy":
        with path.open("rb") as file:
            yield file
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise ValueError(f"{path}: expected one array; got {len(names)}: {', '.join(names)}")
            with archive.open(names[0]) as member:
                yield member
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path}: not readable as .npz: {error}") from error


def _require_shape(path: Path, shape: tuple[int, ...], image_shape: tuple[int, int, int]) -> None:
    if len(shape) != 4 or tuple(shape[1:]) != tuple(image_shape):
        height, width, channels = image_shape
        raise ValueError(
            f"{path}: expected images of shape (n, {height}, {width}, {channels}), that is n, height, width, channels, "
            f"which the encoder takes; got {tuple(shape)}"
        )


@contextmanager
def _writing(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file under a temporary name; it gets its own when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
