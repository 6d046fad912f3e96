"""Small raw files in the published formats."""

import gzip
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy.io import savemat
from tests import GOLDEN

from disbench.datasets import _norb

CARS = "nips2015-analogy-data.tar.gz"
SPRITES = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"


def unpack_golden(folder: Path) -> Path:
    """Raw files that the reference's loaders have read."""
    with tarfile.open(GOLDEN / "raw" / "raw.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "raw"


def car(seed: int) -> bytes:
    """A MATLAB file of one car, as published: images and masks."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (16, 16, 3, 24, 4), dtype=np.uint8)
    file = io.BytesIO()
    images = coarse.repeat(8, axis=0).repeat(8, axis=1)
    savemat(file, {"im": images, "mask": images[:, :, 0]}, do_compression=True)
    return file.getvalue()


def write_cars(path: Path, cars: dict[str, bytes], order: Iterable[str] | None) -> Path:
    """The archive: other data sets before the cars, the cars in the order given, their list in its own."""
    members = {"data/shapes48.mat": b"other", "data/sprites/sprites_1.mat": b"other"}
    members |= {f"data/cars/{name}.mat": content for name, content in cars.items()}
    if order is not None:
        members["data/cars/list.txt"] = "".join(f"{name}\n" for name in order).encode()
    return write_archive(path, members.items())


def write_archive(path: Path, members: Iterable[tuple[str, bytes]]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def write_norb(folder: Path, size: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Six files with every state of the grid once, in random order; returns what is in them."""
    rng = np.random.default_rng(seed)
    states = _norb.SPACE.states(np.arange(_norb.SPACE.num_states))
    training = np.isin(states[:, 1], [4, 6, 7, 8, 9])
    pixels = rng.integers(0, 256, (len(states), 2, size // 8, size // 8), dtype=np.uint8)
    images = pixels.repeat(8, axis=2).repeat(8, axis=3)
    found = {}
    for split, chosen in zip(_norb.SPLITS, (training, ~training), strict=True):
        rows = rng.permutation(np.flatnonzero(chosen))
        category, info = states[rows, 0], states[rows, 1:] * [1, 1, 2, 1]
        write_matrix(folder / f"{split}-dat.mat.gz", 0x1E3D4C55, images[rows])
        write_matrix(folder / f"{split}-cat.mat.gz", 0x1E3D4C54, category.astype("<i4"))
        write_matrix(folder / f"{split}-info.mat.gz", 0x1E3D4C54, info.astype("<i4"))
        found[split] = rows
    return {**found, "images": images}


def write_matrix(path: Path, magic: int, values: np.ndarray) -> None:
    shape = [*values.shape, 1, 1][: max(3, values.ndim)]
    header = np.array([magic, values.ndim, *shape], "<u4")
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header.tobytes())
        file.write(values.tobytes())
