"""Measure a training step of every objective, with one and three channels, in float32 and bfloat16.

Run as `PYTHONPATH=src python benchmarks/train_step.py [--threads N]`. Configurations take turns; times are medians over
them. bfloat16 is measured only where the processor has it, for emulated it is slower than float32.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

from disbench.catalogue import find, names
from disbench.models import Vae
from disbench.training.devices import choose_dtype, flushed_denormals
from disbench.training.encode import encode_all
from disbench.training.images import ResidentImages
from disbench.training.loop import train
from disbench.training.memory import keep_freed_memory

CPU = torch.device("cpu")
NUM_IMAGES = 4096


def random_images(channels: int, dtype: torch.dtype) -> ResidentImages:
    """Binary images of one channel, packed, or bytes of three."""
    shape = (NUM_IMAGES, 64, 8) if channels == 1 else (NUM_IMAGES, 64, 64, 3)
    stored = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    return ResidentImages(stored, binary=channels == 1, device=CPU, dtype=dtype)


def stepper(objective: str, channels: int, dtype: torch.dtype) -> Callable[[int], float]:
    """Function that gives the seconds of one step, batch of 64 drawn within, as the mean of as many as it is told."""
    images = random_images(channels, dtype)
    vae = Vae("conv", (64, 64, channels), 10, torch.Generator().manual_seed(0))

    def seconds(steps: int) -> float:
        model = find("objectives", objective)()
        model.prepare(10, NUM_IMAGES, torch.Generator())
        start = time.perf_counter()
        train(vae, model, images, num_steps=steps)
        return (time.perf_counter() - start) / steps

    return seconds


def encoder(channels: int, dtype: torch.dtype) -> Callable[[int], float]:
    """Function that gives the seconds for an image of encoding them all; its argument is ignored."""
    images = random_images(channels, dtype)
    vae = Vae("conv", (64, 64, channels), 10, torch.Generator().manual_seed(0))

    def seconds(steps: int) -> float:
        start = time.perf_counter()
        encode_all(vae.encoder, images)
        return (time.perf_counter() - start) / NUM_IMAGES

    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "train_step.json")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    precisions = [torch.float32]
    native = choose_dtype("auto", CPU) == torch.bfloat16
    if native:
        precisions.append(torch.bfloat16)
    else:
        print("this processor has no bfloat16 of its own: float32 only")
    measured = {}
    for channels in (1, 3):
        for dtype in precisions:
            where = f"{channels} channel{'s' if channels > 1 else ''}, {str(dtype).removeprefix('torch.')}"
            measured |= {f"{name}, {where}": stepper(name, channels, dtype) for name in names("objectives")}
            measured[f"encode, {where}"] = encoder(channels, dtype)
    times: dict[str, list[float]] = {name: [] for name in measured}
    with flushed_denormals():
        for turn in range(arguments.repeats + 1):
            for name, seconds in measured.items():
                taken = seconds(arguments.steps if turn else 2)
                if turn:  # the first warms up
                    times[name].append(taken)
    medians = {name: median(values) for name, values in times.items()}
    for name, value in medians.items():
        first = name.replace(name.split(",")[0], "beta_vae", 1)
        print(f"{name:40} {value:.5f} s" + ("" if name.startswith("encode") else f", {value / medians[first]:.2f} x"))
    results = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {arguments.threads} of them used",
        "native bfloat16": native,
        "load average of the last minute": os.getloadavg()[0],
        "seconds a step, or an image encoded": medians,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
