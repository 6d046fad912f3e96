"""A toy set for first steps and tests: 324 grey shapes of 16x16 pixels, made in memory in milliseconds."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from disbench.datasets._dataset import Block, Dataset
from disbench.datasets._origin import origin
from disbench.factors import FactorSpace

SPACE = FactorSpace(names=("shape", "radius", "position_x", "position_y"), sizes=(3, 3, 6, 6))
SIZE = 16


def blocks(raw: Path | None) -> Iterator[Block]:
    """All images in one block; nothing is read.

    Diamond, disc and square are the balls of three norms. The edge is a ramp of one pixel, so positions between two
    pixels differ as well.
    """
    rows = np.arange(SPACE.num_states)
    shape, radius, position_x, position_y = SPACE.states(rows).T[..., None, None]
    pixel = np.arange(SIZE) + 0.5
    x = np.abs(pixel[None, None, :] - (5 + 1.2 * position_x))
    y = np.abs(pixel[None, :, None] - (5 + 1.2 * position_y))
    distance = np.choose(shape, [x + y, np.sqrt(x**2 + y**2), np.maximum(x, y)])
    brightness = np.clip(radius + 2 - distance + 0.5, 0, 1)
    yield Block(rows, np.rint(255 * brightness).astype(np.uint8)[..., None])


dataset = Dataset(
    space=SPACE,
    image_shape=(SIZE, SIZE, 1),
    blocks=blocks,
    source="Made in memory from the factors.",
    origin=origin("toy"),
    raw=False,
    store_bytes=11_518,
)
