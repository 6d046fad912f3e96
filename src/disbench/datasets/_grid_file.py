"""Data sets that are one array of images in the order of the grid."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disbench.datasets._dataset import Block
from disbench.factors import FactorSpace


def numbered(images: Iterable[NDArray[np.uint8]]) -> Iterator[Block]:
    """Blocks of consecutive rows, from row 0 on."""
    start = 0
    for block in images:
        yield Block(np.arange(start, start + len(block)), block)
        start += len(block)


def check_grid(path: Path, values: NDArray[Any], space: FactorSpace) -> None:
    """Raise ValueError unless row r of `values` (n, number of axes) is, by rank on each axis, state r of the grid."""
    if values.shape != (space.num_states, len(space.sizes)):
        raise ValueError(
            f"{path}: factors of shape {values.shape}; expected {(space.num_states, len(space.sizes))} for the grid "
            f"{' x '.join(map(str, space.sizes))}"
        )
    states = space.states(np.arange(space.num_states))
    for axis, (name, size) in enumerate(zip(space.names, space.sizes, strict=True)):
        found, rank = np.unique(values[:, axis], return_inverse=True)
        if len(found) != size:
            raise ValueError(f"{path}: expected {size} values of {name}; got {len(found)}")
        wrong = np.flatnonzero(rank != states[:, axis])
        if len(wrong):
            raise ValueError(f"{path}: row {wrong[0]:,} has {name} {rank[wrong[0]]}, which is not the grid in C order")
