"""dSprites from the official file: the .npz, or the .hdf5 with the same images."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from disbench.datasets import _streams
from disbench.datasets._dataset import Block
from disbench.datasets._grid_file import check_grid, numbered
from disbench.datasets._sprites import SIZE
from disbench.factors import FactorSpace

STEM = "dsprites_ndarray_co1sh3sc6or40x32y32_64x64"


def find(raw: Path | None) -> Path | None:
    """Official file in a folder of raw files; None if there is none."""
    if raw is None:
        return None
    return next((path for suffix in (".npz", ".hdf5") if (path := raw / f"{STEM}{suffix}").is_file()), None)


def blocks(path: Path, space: FactorSpace) -> Iterator[Block]:
    """All images of the official file, packed, in the order of rows.

    Raises
    ------
    ValueError
        Its factors are not the grid in C order, or a pixel is neither 0 nor 1.
    """
    is_npz = path.suffix == ".npz"
    classes = _streams.npz_array(path, "latents_classes") if is_npz else _streams.hdf5_array(path, "latents/classes")
    check_grid(path, classes[:, -len(space.sizes) :], space)
    read = _streams.npz_blocks if is_npz else _streams.hdf5_blocks
    for rows, images in numbered(read(path, "imgs", (SIZE, SIZE), space.num_states)):
        if images.max() > 1:
            raise ValueError(f"{path}: expected pixels of 0 or 1; got {images.max()}")
        yield Block(rows, np.packbits(images, axis=-1))
