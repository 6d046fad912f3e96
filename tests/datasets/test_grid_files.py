"""Shapes3D and MPI3D: one array of images in the order of the grid."""

import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from tests import ROOT

from disbench import catalogue
from disbench.datasets import _streams, shapes3d
from disbench.datasets._mpi3d import NAMES, blocks_of
from disbench.factors import FactorSpace
from disbench.storage import open_dataset

SHAPES = FactorSpace(shapes3d.SPACE.names, (2, 3, 2, 4, 2, 3))
ROBOT = FactorSpace(NAMES, (3, 2, 2, 1, 2, 4, 5))


def images_of(space: FactorSpace) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (space.num_states, 64, 64, 3), dtype=np.uint8)


def write_shapes(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=images, chunks=(50, 16, 16, 1), compression="gzip", compression_opts=1)
        file["labels"] = labels


def labels_of(space: FactorSpace) -> np.ndarray:
    """Real values that rise with the index, as published: hues 0 to 0.9, azimuth -30 to 30."""
    return space.states(np.arange(space.num_states)) * [0.1, 0.1, 0.1, 0.07, 1, 4.3] + [0, 0, 0, 0.75, 0, -30]


def test_shapes3d_comes_in_the_order_of_its_labels(tmp_path: Path) -> None:
    images = images_of(SHAPES)
    write_shapes(tmp_path / "3dshapes.h5", images, labels_of(SHAPES))
    blocks = list(shapes3d.blocks(tmp_path, SHAPES))
    np.testing.assert_array_equal(np.concatenate([block.rows for block in blocks]), np.arange(SHAPES.num_states))
    np.testing.assert_array_equal(np.concatenate([block.images for block in blocks]), images)


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"chunks": (50, 16, 16, 1)},
        {"chunks": (7, 4, 4, 1), "compression": "gzip"},
        {"chunks": (300, 64, 64, 3), "compression": "gzip"},
        {"chunks": (50, 24, 16, 3), "compression": "gzip"},
        {"chunks": (50, 16, 24, 2), "compression": "gzip"},
        {"chunks": (50, 16, 16, 1), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"chunks": (50, 16, 16, 1), "compression": "lzf"},
    ],
)
def test_every_layout_of_hdf5_holds_the_same_images(tmp_path: Path, layout: dict[str, object]) -> None:
    images = images_of(SHAPES)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", data=images, maxshape=None if not layout else (300, 64, 64, 3), **layout)
    blocks = list(_streams.hdf5_blocks(tmp_path / "a.h5", "images", (64, 64, 3), len(images)))
    np.testing.assert_array_equal(np.concatenate(blocks), images)


def test_wrong_chunks_of_hdf5_get_the_right_message(tmp_path: Path) -> None:
    path, layout = tmp_path / "a.h5", {"chunks": (8, 64, 64, 3), "compression": "gzip"}

    def refused(chunk: bytes | None, message: str, filter_mask: int = 0) -> None:
        with h5py.File(path, "w") as file:
            images = file.create_dataset("images", (16, 64, 64, 3), np.uint8, **layout)
            images[:8] = 1
            if chunk is not None:
                images.id.write_direct_chunk((8, 0, 0, 0), chunk, filter_mask)
        with pytest.raises(ValueError, match=message):
            list(_streams.hdf5_blocks(path, "images", (64, 64, 3), 16))

    refused(None, r"no chunk at \(8, 0, 0, 0\)")
    refused(b"nonsense", "a.h5 is damaged or truncated .*incorrect header check")
    refused(zlib.compress(bytes(8 * 12288 - 1)), "a chunk is not of 98,304 bytes")
    refused(zlib.compress(bytes(1 << 24)), "a chunk is not of 98,304 bytes")
    refused(zlib.compress(bytes(8 * 12288))[:-2], "a chunk is not of 98,304 bytes")
    for num_bytes in (1, 98_303, 98_305):  # said not to be compressed
        refused(bytes(num_bytes), "a chunk is not of 98,304 bytes", filter_mask=1)
    layout["chunks"] = (16, 64, 64, 3)
    with h5py.File(path, "w") as file:
        file.create_dataset("images", (20_000, 64, 64, 3), np.uint8, chunks=(20_000, 64, 64, 3), compression="gzip")
    with pytest.raises(ValueError, match=r"chunks of \(20000, 64, 64, 3\); at most 134,217,728 bytes each are read"):
        list(_streams.hdf5_blocks(path, "images", (64, 64, 3), 20_000))


def test_wrong_files_of_shapes3d_get_the_right_message(tmp_path: Path) -> None:
    path, images, labels = tmp_path / "3dshapes.h5", images_of(SHAPES), labels_of(SHAPES)

    def refused(message: str) -> None:
        with pytest.raises(ValueError, match=message):
            list(shapes3d.blocks(tmp_path, SHAPES))

    write_shapes(path, images, labels[::-1])
    refused("row 0 has floor_hue 1, which is not the grid in C order")
    write_shapes(path, images[:-1], labels)
    refused("287 images for a grid of 288 states")
    write_shapes(path, images, labels[:, :5])
    refused(r"factors of shape \(288, 5\)")
    write_shapes(path, images.astype(np.float32), labels)
    refused("expected uint8 of shape .*; got float32")
    with h5py.File(path, "w") as file:
        file["labels"] = labels
    refused("no data set called 'images'")
    write_shapes(path, images, labels)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused("3dshapes.h5 is damaged or truncated")


@pytest.mark.parametrize("compressed", [False, True])
def test_mpi3d_streams_from_plain_and_compressed_archives(
    tmp_path: Path, compressed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("disbench.datasets._streams._BLOCK_BYTES", 100 * 64 * 64 * 3)
    images = images_of(ROBOT)
    (np.savez_compressed if compressed else np.savez)(tmp_path / "robot.npz", images=images)
    blocks = list(blocks_of("robot.npz", ROBOT)(tmp_path))
    assert [len(block.rows) for block in blocks] == [100, 100, 100, 100, 80]
    np.testing.assert_array_equal(np.concatenate([block.images for block in blocks]), images)


def test_wrong_files_of_mpi3d_get_the_right_message(tmp_path: Path) -> None:
    path, images = tmp_path / "robot.npz", images_of(ROBOT)

    def refused(message: str) -> None:
        with pytest.raises(ValueError, match=message):
            list(blocks_of("robot.npz", ROBOT)(tmp_path))

    np.savez(path, images=images[:400])
    refused("400 images for a grid of 480 states")
    np.savez(path, data=images)
    refused("no array called 'images'")
    np.savez(path, images=images.astype(object)[:, :1, :1])
    refused("got object of shape")
    np.savez(path, images=images)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    refused("robot.npz is damaged or truncated .*CRC")
    path.write_bytes(content[: len(content) // 2])
    refused("robot.npz is damaged or truncated")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", b"not an array")
    refused("not an array in NumPy's format")
    with zipfile.ZipFile(path, "w") as archive:
        np.save(tmp_path / "images.npy", images)
        archive.writestr("images.npy", (tmp_path / "images.npy").read_bytes()[:-5])
    refused("ends after")


@pytest.mark.parametrize(
    ("name", "num_states"),
    [
        ("shapes3d", 480_000),
        ("mpi3d_toy", 1_036_800),
        ("mpi3d_realistic", 1_036_800),
        ("mpi3d_real", 1_036_800),
        ("mpi3d_complex", 460_800),
    ],
)
def test_grids_are_those_that_are_published(name: str, num_states: int) -> None:
    assert catalogue.find("datasets", name).space.num_states == num_states


def test_the_competitions_file_of_4_by_4_is_told_from_the_published_one(tmp_path: Path) -> None:
    dataset = catalogue.find("datasets", "mpi3d_toy")
    with zipfile.ZipFile(tmp_path / "mpi3d_toy.npz", "w") as archive, archive.open("images.npy", "w") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (460_800, 64, 64, 3)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(ValueError, match=r"mpi3d_toy.npz: images: 460,800 images for a grid of 1,036,800 states"):
        next(dataset.blocks(tmp_path))


CONVERT = """
import resource, sys, time
from dataclasses import replace
from pathlib import Path
from disbench import catalogue
from disbench.stages.convert import convert_dataset
dataset = replace(catalogue.find("datasets", sys.argv[1]), published=None)
start = time.perf_counter()
convert_dataset(dataset, sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def converted(name: str, folder: Path) -> tuple[float, float]:
    """Seconds and MiB of peak memory of a conversion in a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", CONVERT, name, folder / f"{name}.zarr", folder],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds, memory = map(float, result.stdout.split())
    return seconds, memory


def numbered_images(start: int, num: int, pattern: np.ndarray) -> np.ndarray:
    """Images (num, 64, 64, 3) of one pattern whose first row of pixels spells the number of the image."""
    images = np.repeat(pattern[None], num, axis=0)
    numbers = np.arange(start, start + num, dtype="<u4")
    images[:, 0, 0], images[:, 0, 1, 0] = numbers.view(np.uint8).reshape(num, 4)[:, :3], 0
    return images


def spelt(images: np.ndarray) -> np.ndarray:
    return images[:, 0, 0].astype(np.int64) @ [1, 256, 65536]


@pytest.mark.slow
def test_shapes3d_of_full_size_takes_less_than_a_gigabyte_of_memory(tmp_path: Path) -> None:
    space, pattern = shapes3d.SPACE, np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    with h5py.File(tmp_path / "3dshapes.h5", "w") as file:
        images = file.create_dataset(
            "images", (480_000, 64, 64, 3), np.uint8, chunks=(7500, 4, 4, 1), compression="lzf"
        )
        for start in range(0, 480_000, 7500):
            images[start : start + 7500] = numbered_images(start, 7500, pattern)
        file["labels"] = labels_of(space)
    seconds, memory = converted("shapes3d", tmp_path)
    assert memory < 1000
    store = open_dataset(tmp_path / "shapes3d.zarr")
    rows = np.random.default_rng(1).integers(0, 480_000, 100)
    np.testing.assert_array_equal(spelt(store.images(rows)), rows)
    print(f"{5898 / seconds:.0f} MB/s, {memory:.0f} MiB")


@pytest.mark.slow
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_mpi3d_of_full_size_takes_less_than_a_gigabyte_of_memory(tmp_path: Path, compression: int) -> None:
    pattern = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    with (
        zipfile.ZipFile(tmp_path / "mpi3d_toy.npz", "w", compression, compresslevel=1) as archive,
        archive.open("images.npy", "w", force_zip64=True) as file,
    ):
        header = {"descr": "|u1", "fortran_order": False, "shape": (1_036_800, 64, 64, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, 1_036_800, 8192):
            file.write(numbered_images(start, min(8192, 1_036_800 - start), pattern).data)
    seconds, memory = converted("mpi3d_toy", tmp_path)
    assert memory < 1000
    store = open_dataset(tmp_path / "mpi3d_toy.zarr")
    rows = np.random.default_rng(1).integers(0, 1_036_800, 100)
    np.testing.assert_array_equal(spelt(store.images(rows)), rows)
    print(f"{12740 / seconds:.0f} MB/s, {memory:.0f} MiB")
