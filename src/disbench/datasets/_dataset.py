"""What a data set is: a grid of factors, the shape of its images, where they come from and how to read them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from disbench.datasets._origin import Origin
from disbench.factors import FactorSpace, IntArray


class Block(NamedTuple):
    """Rows (n,) of the grid and their images: uint8 (n, height, width, channels), packed (n, height, width / 8)."""

    rows: IntArray
    images: NDArray[np.uint8]


@dataclass(frozen=True)
class PixelStatistics:
    """Pixel mean, and mean over images of the standard deviation within an image (ddof 1); one of each per channel.

    Pixels count from 0 to 1. `tolerance` is how far, in either, a correctly decoded copy may lie from these values.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    tolerance: float = 0.0


_UNKNOWN = Origin()


def _no_extras(raw: Path | None) -> Mapping[str, NDArray[np.uint8]]:
    return {}


@dataclass(frozen=True)
class Dataset:
    """A ground-truth data set: every state of the grid is one image.

    Parameters
    ----------
    space
        The grid of factors.
    image_shape
        Height, width and channels of what is stored.
    blocks
        Called with the folder of raw files, or None; yields the stored images in blocks, every row once. Rows may
        come in any order. Blocks in the order of rows can be stored as they come; rows far from those before them are
        held in memory until the gap is filled.
    source
        Where the pixels come from, and in what they may differ from the published files; a sentence, or a function of
        the folder of raw files (or None) if it depends on what is there.
    origin
        Licence, citation, homepage and raw files of the published data set.
    binary
        Pixels are 0 or 255. Blocks hold them packed along the columns, 8 a byte, column 0 in the most significant bit.
    raw
        Whether `blocks` cannot do without raw files.
    published
        Statistics that somebody else found in the real data, to check the pixels against.
    observation
        Name of the process that turns a stored image into what the model sees: one of `disbench.observations`, or
        `module:attribute`.
    extras
        Called with the folder of raw files, or None; arrays that the observation process needs besides the images.
    repeats
        How many times the stored images repeat along the grid: row r of the grid shows stored image
        `r % (num_states / repeats)`. The leading axes are then up to the observation process.
    store_bytes
        How large the store is, measured; None if only the published files can tell. It is never much larger than
        the pixels.
    """

    space: FactorSpace
    image_shape: tuple[int, int, int]
    blocks: Callable[[Path | None], Iterator[Block]]
    source: str | Callable[[Path | None], str]
    origin: Origin = _UNKNOWN
    binary: bool = False
    raw: bool = True
    published: PixelStatistics | None = None
    observation: str = "plain"
    extras: Callable[[Path | None], Mapping[str, NDArray[np.uint8]]] = _no_extras
    repeats: int = 1
    store_bytes: int | None = None

    @property
    def num_images(self) -> int:
        """Number of stored images."""
        return self.space.num_states // self.repeats

    @property
    def pixel_bytes(self) -> int:
        """Bytes of all stored images before compression."""
        height, width, channels = self.image_shape
        return self.num_images * height * width * channels // (8 if self.binary else 1)
