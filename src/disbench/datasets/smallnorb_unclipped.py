"""SmallNORB as the reference shrinks it: values that overshoot [0, 1] at edges are kept.

A stored image has two channels: grey values clipped to [0, 255], and what clipping took away, plus 128.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from disbench.datasets import _norb, smallnorb
from disbench.datasets._dataset import Block
from disbench.datasets._resize import SIZE, shrink_unclipped


def blocks(raw: Path | None, size: int = 96) -> Iterator[Block]:
    """All images, 64 x 64, in the order of the files."""
    for rows, images in _norb.blocks(raw, size):
        yield Block(rows, split(shrink_unclipped(images)))


def split(values: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Clipped values and the excess + 128 as two channels, of values (n, height, width, 1) in [-128, 382]."""
    clipped = np.clip(values, 0, 255)
    return np.concatenate([clipped, values - clipped + 128], axis=-1).astype(np.uint8)


dataset = replace(
    smallnorb.dataset,
    image_shape=(SIZE, SIZE, 2),
    blocks=blocks,
    source=(
        "The published images of both splits, left camera, shrunk from 96 to 64 pixels by Pillow's Lanczos filter, not "
        "clipped: channel 0 is the clipped image, channel 1 the excess plus 128."
    ),
    published=None,
    observation="unclipped",
)
