"""Measure whether a stream from disk feeds training: the same steps with resident and with streamed images.

Run as `PYTHONPATH=src python benchmarks/stream.py`. Resident and streamed runs take turns; times are medians, and their
ratio is what counts. The images are synthetic and noisy, which is the slowest to decompress.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

from disbench.factors import FactorSpace
from disbench.models import Vae
from disbench.objectives.beta_vae import BetaVae
from disbench.storage import ImageStore, create_dataset, open_dataset
from disbench.training.images import Images
from disbench.training.load import load_images
from disbench.training.loop import train

CPU = torch.device("cpu")
BUFFER = 8 * 4096 * 64 * 64 * 3  # two buffers of four blocks: 400 MB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/stream.json"))
    parser.add_argument("--images", type=int, default=65_536)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # the other core decompresses
    busy = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        store = write(Path(folder) / "images.zarr", arguments.images)
        kept = {"resident": load(store, None), "streamed": load(store, BUFFER)}
        steps = {name: [] for name in kept}
        feeds = {name: [] for name in kept}
        for _ in range(arguments.repeats):
            for name, images in kept.items():
                steps[name].append(seconds_of_steps(images, arguments.steps))
                feeds[name].append(seconds_of_draws(images, arguments.images // 64))
    step = {name: median(values) / arguments.steps for name, values in steps.items()}
    feed = {name: arguments.images / median(values) for name, values in feeds.items()}
    results = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load average of the last minute, before": busy,
        "training step, resident (s)": step["resident"],
        "training step, streamed (s)": step["streamed"],
        "streamed / resident": step["streamed"] / step["resident"],
        "images drawn a second, resident": feed["resident"],
        "images drawn a second, streamed": feed["streamed"],
    }
    print(json.dumps(results, indent=2))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def write(path: Path, num_images: int) -> ImageStore:
    with create_dataset(path, FactorSpace(("row",), (num_images,)), (64, 64, 3), binary=False) as writer:
        for start in range(0, num_images, 4096):
            rows = np.arange(start, min(start + 4096, num_images))
            noise = np.random.default_rng(start).integers(100, 108, (len(rows), 64, 64, 3), dtype=np.uint8)
            writer.write(rows, noise)
    return open_dataset(path)


def load(store: ImageStore, num_bytes: int | None) -> Images:
    return load_images(store, device=CPU, dtype=torch.float32, seed=0, num_bytes=num_bytes)


def seconds_of_steps(images: Images, num_steps: int) -> float:
    vae = Vae("conv", (64, 64, 3), 10, torch.Generator().manual_seed(0))
    start = time.perf_counter()
    train(vae, BetaVae(), images, num_steps=num_steps)
    return time.perf_counter() - start


def seconds_of_draws(images: Images, num_batches: int) -> float:
    generator = torch.Generator()
    start = time.perf_counter()
    for _ in range(num_batches):
        images.draw(64, generator)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
