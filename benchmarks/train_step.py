"""How long does a training step take, and how fast are images encoded? Prints medians and writes JSON."""

import argparse
import json
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch

from disbench.models import Vae
from disbench.objectives.beta_vae import BetaVae
from disbench.training.encode import encode_all
from disbench.training.images import ResidentImages
from disbench.training.loop import train

NUM_IMAGES = 4096


def random_images(channels: int, dtype: torch.dtype) -> ResidentImages:
    """Binary images of one channel, packed, or bytes of three."""
    shape = (NUM_IMAGES, 64, 8) if channels == 1 else (NUM_IMAGES, 64, 64, 3)
    stored = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    return ResidentImages(stored, binary=channels == 1, device=torch.device("cpu"), dtype=dtype)


def measure(channels: int, precision: str, steps: int, repeats: int) -> dict[str, float]:
    """Median seconds of a step of beta-VAE, batch of 64, data included, and images encoded in a second."""
    images = random_images(channels, getattr(torch, precision))
    vae = Vae("conv", (64, 64, channels), 10, torch.Generator().manual_seed(0))
    seconds, rates = [], []
    for repeat in range(repeats + 1):
        start = time.perf_counter()
        train(vae, BetaVae(), images, num_steps=steps)
        trained = time.perf_counter()
        encode_all(vae.encoder, images)
        if repeat:  # the first run warms up
            seconds.append((trained - start) / steps)
            rates.append(NUM_IMAGES / (time.perf_counter() - trained))
    return {"seconds_per_step": median(seconds), "images_encoded_per_second": median(rates)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "train_step.json")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_flush_denormal(True)
    results = {}
    for channels in (1, 3):
        for precision in ("float32", "bfloat16"):
            name = f"{channels} channels, {precision}"
            results[name] = measure(channels, precision, arguments.steps, arguments.repeats)
            print(
                f"{name}: {results[name]['seconds_per_step']:.4f} s a step, "
                f"{results[name]['images_encoded_per_second']:,.0f} images/s encoded",
                flush=True,
            )
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
