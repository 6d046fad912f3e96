"""SmallNORB: toys of five categories under six lightings; ten instances of each category are a nuisance factor.

Both splits and the left camera, as in the reference. Shrinking from 96 to 64 pixels overshoots at edges. Here values
outside [0, 1] are clipped, all others are the reference's; `smallnorb_unclipped` keeps them, as the reference does.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from disbench.datasets import _norb
from disbench.datasets._dataset import Block, Dataset, PixelStatistics
from disbench.datasets._origin import origin
from disbench.datasets._resize import SIZE, shrink_unclipped


def blocks(raw: Path | None, size: int = 96) -> Iterator[Block]:
    """All images, 64 x 64, in the order of the files."""
    for rows, images in _norb.blocks(raw, size):
        yield Block(rows, np.clip(shrink_unclipped(images), 0, 255).astype(np.uint8))


dataset = Dataset(
    space=_norb.SPACE,
    image_shape=(SIZE, SIZE, 1),
    blocks=blocks,
    source=(
        "The published images of both splits, left camera, shrunk from 96 to 64 pixels by Pillow's Lanczos filter then "
        "clipped to [0, 255]."
    ),
    origin=origin("smallnorb"),
    # Of one split, shrunk by another filter.
    published=PixelStatistics(mean=(0.7520918,), std=(0.0956388,), tolerance=0.02),
)
