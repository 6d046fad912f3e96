"""dSprites: a white square, ellipse or heart on black, rendered from the factors."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from disbench.datasets._dataset import Block, Dataset, PixelStatistics
from disbench.datasets._sprites import SIZE, render
from disbench.factors import FactorSpace

SPACE = FactorSpace(
    names=("shape", "scale", "orientation", "position_x", "position_y"),
    sizes=(3, 6, 40, 32, 32),
)
_NUM_ROWS = 16384  # rendered at a time


def blocks(raw: Path | None) -> Iterator[Block]:
    """All images in the order of rows; nothing is read."""
    for start in range(0, SPACE.num_states, _NUM_ROWS):
        rows = np.arange(start, min(start + _NUM_ROWS, SPACE.num_states))
        yield Block(rows, render(SPACE.states(rows)))


dataset = Dataset(
    space=SPACE,
    image_shape=(SIZE, SIZE, 1),
    blocks=blocks,
    source=(
        "Rendered from the factors by a rule that reproduces the 320 frames of the published animation exactly. "
        "Up to 0.02 % of the images may differ from the official file by one pixel."
    ),
    licence="Apache-2.0",
    citation=(
        "L. Matthey, I. Higgins, D. Hassabis, A. Lerchner: dSprites: Disentanglement testing Sprites dataset, 2017"
    ),
    homepage="https://github.com/google-deepmind/dsprites-dataset",
    binary=True,
    raw=False,
    published=PixelStatistics(mean=(0.042494423521889584,), std=(0.1951664588062605,), tolerance=1e-8),
)
