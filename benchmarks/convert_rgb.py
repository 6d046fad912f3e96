"""Measure the conversion of colour images, in MB of pixels a second, beside the limits of the codec and of the disk.

Run as `PYTHONPATH=src python benchmarks/convert_rgb.py`. The images are synthetic: a scene with sensor noise, as in
photographs, and one without, as in renders. Times are medians; each conversion is a process of its own. On a
machine that does other things, read the line of CPU time: a conversion uses two cores where it has them.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import h5py
import numpy as np
from numcodecs.zstd import Zstd

CONVERT = """
import resource, sys, time
from dataclasses import replace
from pathlib import Path
from disbench.datasets import _streams, mpi3d_toy
from disbench.datasets._grid_file import numbered
from disbench.factors import FactorSpace
from disbench.stages.convert import convert_dataset
num, raw = int(sys.argv[1]), Path(sys.argv[2])
read = _streams.npz_blocks if raw.suffix == ".npz" else _streams.hdf5_blocks
dataset = replace(
    mpi3d_toy.dataset, space=FactorSpace(("row",), (num,)), published=None,
    blocks=lambda folder: numbered(read(raw, "images", (64, 64, 3), num)),
)
before, start = time.process_time(), time.perf_counter()
convert_dataset(dataset, "images", raw.parent / "images.zarr", raw.parent)
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(time.perf_counter() - start, time.process_time() - before, memory)
"""
BLOCK = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/convert_rgb.json"))
    parser.add_argument("--images", type=int, default=245_760)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    results: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "images": arguments.images,
        "load average of the last minute, before": os.getloadavg()[0],
    }
    for name, noise, write in (
        ("photographs in a plain .npz, as MPI3D", 2, write_npz),
        ("renders in a plain .npz, as MPI3D", 0, write_npz),
        ("renders in small gzip chunks of HDF5, as 3D Shapes", 0, write_hdf5),
    ):
        results[name] = measure(arguments.images, noise, arguments.repeats, write)
    print(json.dumps(results, indent=2))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def measure(num_images: int, noise: int, repeats: int, write: Callable[[Path, int, int], Path]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = write(folder, num_images, noise)
        megabytes = num_images * 64 * 64 * 3 / 1e6
        runs = [convert(num_images, raw) for _ in range(repeats)]
        read_s = median(seconds(lambda: read(raw)) for _ in range(repeats))
        block = scenes(0, BLOCK, noise)
        codec_s = median(seconds(lambda: compress(block)) for _ in range(repeats))
        stored = sum(file.stat().st_size for file in (folder / "images.zarr").rglob("*") if file.is_file())
        return {
            "convert (MB/s)": megabytes / median(run[0] for run in runs),
            "convert (MB a second of one core)": megabytes / median(run[1] for run in runs),
            "peak memory (MB)": max(run[2] for run in runs),
            "sequential read of the file (MB of pixels/s)": megabytes / read_s,
            "zstd level 1, one core (MB/s)": block.nbytes / 1e6 / codec_s,
            "stored / raw": stored / 1e6 / megabytes,
        }


def scenes(start: int, num: int, noise: int) -> np.ndarray:
    """Images uint8 (num, 64, 64, 3): a disc that moves over shades, with noise of up to `noise` grey values."""
    y, x = np.mgrid[:64, :64]
    shades = np.stack([60 + 40 * np.sin(x / 20), 90 + 30 * np.cos(y / 15), 70 + x / 2], axis=-1)
    images = np.repeat(shades[None].astype(np.int16), num, axis=0)
    rows = np.arange(start, start + num)
    centre_x, centre_y = 10 + 1.1 * (rows % 40), 10 + 1.1 * (rows // 40 % 40)
    disc = (x - centre_x[:, None, None]) ** 2 + (y - centre_y[:, None, None]) ** 2 < 80
    images[disc] += np.array([80, 20, -30], np.int16)
    if noise:
        images += np.random.default_rng(start).integers(-noise, noise + 1, images.shape, dtype=np.int16)
    return images.clip(0, 255).astype(np.uint8)


def write_npz(folder: Path, num_images: int, noise: int) -> Path:
    path = folder / "images.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("images.npy", "w", force_zip64=True) as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (num_images, 64, 64, 3)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, num_images, BLOCK):
            file.write(scenes(start, min(BLOCK, num_images - start), noise).data)
    return path


def write_hdf5(folder: Path, num_images: int, noise: int) -> Path:
    """Chunks as h5py's own choice for 3D Shapes used to be: many rows of a few pixels of one channel."""
    path, height = folder / "images.h5", 7500
    with h5py.File(path, "w") as file:
        shape, chunks = (num_images, 64, 64, 3), (height, 4, 4, 1)
        images = file.create_dataset("images", shape, np.uint8, chunks=chunks, compression="gzip")
        for start in range(0, num_images, height):
            images[start : start + height] = scenes(start, min(height, num_images - start), noise)
    return path


def convert(num_images: int, raw: Path) -> tuple[float, float, float]:
    result = subprocess.run(
        [sys.executable, "-c", CONVERT, str(num_images), raw],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    taken, cpu, memory = map(float, result.stdout.split())
    return taken, cpu, memory


def read(path: Path) -> None:
    with path.open("rb") as file:
        while file.read(32 << 20):
            pass


def compress(block: np.ndarray) -> None:
    codec = Zstd(level=1)
    for start in range(0, len(block), 64):
        codec.encode(block[start : start + 64])


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
