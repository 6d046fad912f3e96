"""3D Shapes: an object in a room, from the published 3dshapes.h5."""

from collections.abc import Iterator
from pathlib import Path

from disbench.datasets import _streams
from disbench.datasets._dataset import Block, Dataset, PixelStatistics
from disbench.datasets._grid_file import check_grid, numbered
from disbench.datasets._origin import origin
from disbench.factors import FactorSpace

SPACE = FactorSpace(
    names=("floor_hue", "wall_hue", "object_hue", "scale", "shape", "azimuth"),
    sizes=(10, 10, 10, 8, 4, 15),
)


def blocks(raw: Path | None, space: FactorSpace = SPACE) -> Iterator[Block]:
    """All images in the order of rows, after the labels were checked to be the grid in C order."""
    path = Path(raw or ".") / "3dshapes.h5"
    check_grid(path, _streams.hdf5_array(path, "labels"), space)
    yield from numbered(_streams.hdf5_blocks(path, "images", (64, 64, 3), space.num_states))


dataset = Dataset(
    space=SPACE,
    image_shape=(64, 64, 3),
    blocks=blocks,
    source="The published file, unchanged.",
    origin=origin("shapes3d"),
    published=PixelStatistics(
        mean=(0.502584966788819, 0.5787597566089667, 0.6034499731859578),
        std=(0.2940814, 0.3443979, 0.3661686),
        tolerance=1e-4,
    ),
)
