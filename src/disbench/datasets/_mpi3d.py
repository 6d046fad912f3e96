"""What the MPI3D sets have in common: a robot arm that holds an object, in one .npz of 5.7 or 12.7 GB."""

from collections.abc import Callable, Iterator
from pathlib import Path

from disbench.datasets import _streams
from disbench.datasets._dataset import Block, Dataset, PixelStatistics
from disbench.datasets._grid_file import numbered
from disbench.datasets._origin import origin
from disbench.factors import FactorSpace

NAMES = (
    "object_color",
    "object_shape",
    "object_size",
    "camera_height",
    "background_color",
    "horizontal_axis",
    "vertical_axis",
)


def mpi3d(name: str, num_colors: int, num_shapes: int, published: PixelStatistics | None) -> Dataset:
    """One of the MPI3D sets; its file is read in blocks."""
    space = FactorSpace(NAMES, (num_colors, num_shapes, 2, 3, 3, 40, 40))
    source = origin(name)
    return Dataset(
        space=space,
        image_shape=(64, 64, 3),
        blocks=blocks_of(source.files[0].name, space),
        source="The published file, unchanged.",
        origin=source,
        published=published,
    )


def blocks_of(file: str, space: FactorSpace) -> Callable[[Path | None], Iterator[Block]]:
    """Return a reader of the images in a folder's file, in the order of rows.

    Files of the 2019 competition hold 4 x 4 colours and shapes, the published ones of toy, realistic and real 6 x 6;
    the number of images tells them apart.
    """

    def blocks(raw: Path | None) -> Iterator[Block]:
        path = Path(raw or ".") / file
        yield from numbered(_streams.npz_blocks(path, "images", (64, 64, 3), space.num_states))

    return blocks
