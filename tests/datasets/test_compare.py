from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from disbench.datasets import _dsprites
from disbench.datasets._compare import Difference, compare, compare_with_official
from disbench.datasets._dataset import Block
from disbench.factors import FactorSpace

SPACE = FactorSpace(("shape", "position"), (4, 25))
IMAGES = np.random.default_rng(0).integers(0, 2, (100, 16, 16), dtype=np.uint8)


def blocks(images: np.ndarray, height: int) -> Iterator[Block]:
    for start in range(0, len(images), height):
        rows = np.arange(start, min(start + height, len(images)))
        yield Block(rows, np.packbits(images[rows], axis=-1))


def test_every_difference_is_counted_and_the_first_are_located() -> None:
    other = IMAGES.copy()
    other[30, 4, 5] ^= 1
    other[99, [0, 15], [0, 15]] ^= 1
    found = compare(blocks(IMAGES, 32), blocks(other, 7), SPACE)
    assert (found.num_images, found.num_different, found.num_pixels) == (100, 2, 3)
    assert found.examples == (
        Difference(30, (1, 5), ((4, 5, bool(IMAGES[30, 4, 5])),)),
        Difference(99, (3, 24), ((0, 0, bool(IMAGES[99, 0, 0])), (15, 15, bool(IMAGES[99, 15, 15])))),
    )
    assert compare(blocks(IMAGES, 32), blocks(IMAGES, 50), SPACE).num_different == 0
    assert len(compare(blocks(IMAGES, 32), blocks(1 - IMAGES, 100), SPACE).examples) == 10


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected the official .npz or .hdf5"):
        compare_with_official(tmp_path / "dsprites.zip")
    with pytest.raises(ValueError, match="no such file"):
        compare_with_official(tmp_path / "dsprites.npz")


@pytest.mark.slow
def test_a_file_of_full_size_is_compared(tmp_path: Path) -> None:
    path = tmp_path / "dsprites.hdf5"
    space = _dsprites.SPACE
    with h5py.File(path, "w") as file:
        images = file.create_dataset("imgs", (space.num_states, 64, 64), np.uint8, chunks=(2048, 64, 64), compression=1)
        for rows, packed in _dsprites.blocks(None):
            images[rows[0] : rows[-1] + 1] = np.unpackbits(packed, axis=-1)
        images[700_000, 0, 3] = 1
        classes = np.zeros((space.num_states, 6), np.int64)
        classes[:, 1:] = space.states(np.arange(space.num_states))
        file["latents/classes"] = classes
    found = compare_with_official(path)
    assert (found.num_images, found.num_different, found.num_pixels) == (737_280, 1, 1)
    assert found.examples[0].row == 700_000
    assert found.examples[0].pixels == ((0, 3, True),)
