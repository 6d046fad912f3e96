"""A data set from a user's own files: images, and the factors of each."""

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disbench.datasets import _own_images
from disbench.datasets._dataset import Block, Dataset
from disbench.factors import FactorSpace, IntArray

Column = NDArray[Any]

_BLOCK_BYTES = 32 << 20
_MOST_STATES_A_LINE = 1000
_LARGEST_HELD_BYTES = 384 << 20


def own_dataset(images: Path, factors: Path, nuisance: tuple[str, ...] = ()) -> Dataset:
    """Describe a data set of images and their factors; the images are read when it is converted.

    Parameters
    ----------
    images
        .npy, .npz or .h5 with one array uint8 (n, height, width) or (n, height, width, 1 or 3), or a folder of
        pictures, which count in the order of their names.
    factors
        .csv with a line for each image and, if its first line has no number, names; or .npy (n, num_factors). Values
        may be any numbers, or words in a .csv; a factor's index is the rank of its value. Lines come in any order, but
        every combination of values must be there once.
    nuisance
        Names of factors that are not ground truth.

    Raises
    ------
    ValueError
        The factors are no full grid, the number of images is another, or a file is not readable.
    """
    names, columns = _read_factors(factors)
    space, rows = _grid(factors, names, columns, nuisance)
    opened = _own_images.open_images(images)
    if opened.num_images != len(rows):
        raise ValueError(f"{images} has {opened.num_images:,} images, {factors} factors of {len(rows):,}")
    return Dataset(
        space=space,
        image_shape=opened.image_shape,
        blocks=lambda raw: _blocks(opened, rows),
        source=f"{images.name} and {factors.name}, given by the user.",
        raw=False,
    )


def _read_factors(path: Path) -> tuple[tuple[str, ...], list[Column]]:
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    if path.suffix == ".csv":
        return _read_csv(path)
    if path.suffix != ".npy":
        raise ValueError(f"{path}: expected factors in a .csv or .npy; got {path.suffix!r}")
    try:
        values = np.array(np.lib.format.open_memmap(path, mode="r"))
    except Exception as error:  # NumPy's reader raises what its parsers do, SyntaxError among them
        raise ValueError(f"{path}: not readable as .npy: {error}") from error
    if values.ndim != 2 or not values.size or values.dtype.kind not in "biuf":
        raise ValueError(
            f"{path}: expected factors (n, num_factors); got shape {values.shape}"
            + ("" if values.dtype.kind in "biuf" else f" of {values.dtype}")
        )
    return tuple(f"factor_{index}" for index in range(values.shape[1])), list(values.T)


def _read_csv(path: Path) -> tuple[tuple[str, ...], list[Column]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (csv.Error, UnicodeError) as error:
        raise ValueError(f"{path}: not readable as .csv in UTF-8: {error}") from error
    if not lines:
        raise ValueError(f"{path} is empty")
    wrong = next((number for number, line in enumerate(lines, 1) if len(line) != len(lines[0])), None)
    if wrong is not None:
        raise ValueError(f"{path}: line {wrong} has {len(lines[wrong - 1])} values, the first {len(lines[0])}")
    has_names = not any(_is_number(cell) for cell in lines[0])
    names = lines[0] if has_names else [f"factor_{index}" for index in range(len(lines[0]))]
    columns = [_column([line[index] for line in lines[has_names:]]) for index in range(len(names))]
    return tuple(name.strip() for name in names), columns


def _column(cells: list[str]) -> Column:
    """Values as numbers if all of them are."""
    return np.array([float(cell) for cell in cells] if all(map(_is_number, cells)) else cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _grid(
    path: Path, names: tuple[str, ...], columns: list[Column], nuisance: tuple[str, ...]
) -> tuple[FactorSpace, IntArray]:
    """Grid of all combinations, and the row of each line."""
    ranked = [np.unique(column, return_inverse=True) for column in columns]
    sizes = tuple(len(found) for found, _ in ranked)
    if math.prod(sizes) > _MOST_STATES_A_LINE * len(columns[0]):
        raise ValueError(
            f"{path}: {len(columns[0]):,} lines for {math.prod(sizes):,} combinations of {' x '.join(map(str, sizes))} "
            f"values; expected each once"
        )
    try:
        space = FactorSpace(names, sizes, nuisance)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    rows = space.rows(np.stack([rank for _, rank in ranked], axis=1))
    count = np.bincount(rows, minlength=space.num_states)
    for fault, wrong in (("more than once", count > 1), ("never", count == 0)):
        if wrong.any():
            state = space.states(np.flatnonzero(wrong)[0])
            example = ", ".join(
                f"{name} {found[index]}" for name, (found, _), index in zip(names, ranked, state, strict=True)
            )
            raise ValueError(
                f"{path}: expected every one of {' x '.join(map(str, space.sizes))} = {space.num_states:,} "
                f"combinations once in {len(rows):,} lines; {wrong.sum():,} come {fault}, such as {example}"
            )
    return space, rows


def _blocks(images: _own_images.OwnImages, rows: IntArray) -> Iterator[Block]:
    height = max(1, _BLOCK_BYTES // int(np.prod(images.image_shape)))
    if images.take is None:
        yield from _as_they_come(images.stream, rows, int(np.prod(images.image_shape)))
        return
    lines = np.argsort(rows)
    for start in range(0, len(rows), height):
        chosen = lines[start : start + height]
        yield Block(rows[chosen], images.take(chosen))


def _as_they_come(
    stream: Callable[[], Iterator[NDArray[np.uint8]]], rows: IntArray, image_bytes: int
) -> Iterator[Block]:
    """Blocks of images that can only be read from the first to the last.

    Images far from their place are held in memory until the gap before them is filled. If all of them might have to be,
    the file is read several times, for some rows of the grid each time.
    """
    in_order = bool((np.diff(rows) > 0).all())
    num_held = len(rows) if in_order else max(1, _LARGEST_HELD_BYTES // image_bytes)
    for first in range(0, len(rows), num_held):
        start = 0
        for block in stream():
            found = rows[start : start + len(block)]
            wanted = (found >= first) & (found < first + num_held)
            start += len(block)
            if wanted.any():
                yield Block(found[wanted], block[wanted])
