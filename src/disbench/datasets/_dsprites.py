"""What dSprites and its variants have in common: the grid, the images, their source."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from disbench.datasets import _official_sprites
from disbench.datasets._dataset import Block, PixelStatistics
from disbench.datasets._sprites import SIZE, render
from disbench.factors import FactorSpace

SPACE = FactorSpace(
    names=("shape", "scale", "orientation", "position_x", "position_y"),
    sizes=(3, 6, 40, 32, 32),
)
IMAGE_SHAPE = (SIZE, SIZE, 1)
PUBLISHED = PixelStatistics(mean=(0.042494423521889584,), std=(0.1951664588062605,), tolerance=1e-8)
_NUM_ROWS = 16384  # rendered at a time


def source(raw: Path | None) -> str:
    """Whether images are rendered or read."""
    official = _official_sprites.find(raw)
    if official is not None:
        return f"The published file {official.name}, unchanged."
    return (
        "Rendered from the factors by a rule that reproduces the 320 frames of the published animation exactly. "
        "Up to 0.02 % of the images may differ from the official file by one pixel."
    )


def blocks(raw: Path | None) -> Iterator[Block]:
    """All images, packed, in the order of rows: from the official file if the folder has it, else rendered."""
    official = _official_sprites.find(raw)
    if official is not None:
        yield from _official_sprites.blocks(official, SPACE)
        return
    for start in range(0, SPACE.num_states, _NUM_ROWS):
        rows = np.arange(start, min(start + _NUM_ROWS, SPACE.num_states))
        yield Block(rows, render(SPACE.states(rows)))
