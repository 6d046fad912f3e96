"""Compares two copies of a binary data set, pixel by pixel."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from disbench.datasets import _dsprites, _official_sprites
from disbench.datasets._dataset import Block
from disbench.factors import FactorSpace

_NUM_EXAMPLES = 10


@dataclass(frozen=True)
class Difference:
    """An image that is not the same in both copies.

    Parameters
    ----------
    row, state
        Which one: its row and its values on the axes of the grid.
    pixels
        (line, column) of every pixel that differs, and whether it is white in the first copy.
    """

    row: int
    state: tuple[int, ...]
    pixels: tuple[tuple[int, int, bool], ...]


@dataclass(frozen=True)
class Comparison:
    """How many images were compared, how many of them and of their pixels differ, and the first ten that do."""

    num_images: int
    num_different: int
    num_pixels: int
    examples: tuple[Difference, ...]


def compare_with_official(path: Path) -> Comparison:
    """Compare the official file of dSprites, the first copy, with the rendered images.

    Raises
    ------
    ValueError
        It is neither the .npz nor the .hdf5, or its factors are not the grid.
    """
    if path.suffix not in (".npz", ".hdf5", ".h5"):
        raise ValueError(f"{path}: expected the official .npz or .hdf5 of dSprites")
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    return compare(_official_sprites.blocks(path, _dsprites.SPACE), _dsprites.blocks(None), _dsprites.SPACE)


def compare(first: Iterable[Block], second: Iterable[Block], space: FactorSpace) -> Comparison:
    """Compare two streams of packed images in the order of rows; their blocks may be cut differently."""
    num_images = num_different = num_pixels = 0
    examples: list[Difference] = []
    for start, one, other in _aligned(first, second):
        changed = one ^ other
        counts = np.bitwise_count(changed).sum(axis=(1, 2), dtype=np.int64)
        num_images += len(one)
        num_different += int((counts > 0).sum())
        num_pixels += int(counts.sum())
        for index in np.flatnonzero(counts)[: _NUM_EXAMPLES - len(examples)]:
            white = np.unpackbits(one[index], axis=-1)
            lines, columns = np.nonzero(np.unpackbits(changed[index], axis=-1))
            pixels = [(int(y), int(x), bool(white[y, x])) for y, x in zip(lines, columns, strict=True)]
            row = start + int(index)
            examples.append(Difference(row, tuple(space.states(row).tolist()), tuple(pixels)))
    return Comparison(num_images, num_different, num_pixels, tuple(examples))


def _aligned(first: Iterable[Block], second: Iterable[Block]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    others = iter(second)
    waiting = next(others).images
    for rows, images in first:
        done = 0
        while done < len(images):
            if not len(waiting):
                waiting = next(others).images
            num = min(len(waiting), len(images) - done)
            yield int(rows[done]), images[done : done + num], waiting[:num]
            waiting, done = waiting[num:], done + num
