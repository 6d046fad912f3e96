"""Measure what it changes to draw one observation per state for all metrics, rather than anew in every metric call.

Run as `PYTHONPATH=src python benchmarks/observations.py`. A beta-VAE is trained on each set whose observations are
random; then the same rows are scored twice, with the codes of one seeded observation per state, as postprocess writes
them, and with codes of observations that are drawn at every look-up, as in the reference. To be done in minutes on a
CPU, every second orientation and position is scored: 92,160 states. They come back in the draws of the FactorVAE score
twice as often as in the whole grid at its published sizes, so the effect is not made smaller by it.
"""

import argparse
import json
import os
import platform
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from disbench import catalogue
from disbench.datasets import dsprites_full
from disbench.factors import FactorSpace
from disbench.files import write_json
from disbench.models import Vae
from disbench.objectives.beta_vae import BetaVae
from disbench.observations import Observation, observation_of
from disbench.seeds import derive_rng, derive_seed
from disbench.stages.convert import convert_dataset
from disbench.storage import ImageStore, open_dataset
from disbench.table import RepresentationTable
from disbench.training.images import Images, ResidentImages
from disbench.training.loop import train
from disbench.training.observed import ObservedImages

CPU = torch.device("cpu")
SETS = {"color_dsprites": "color", "noisy_dsprites": "noisy", "scream_dsprites": "scream"}
STEPS = (1, 1, 2, 2, 2)  # every state on the first two axes, every second on the others
SPACE = FactorSpace(dsprites_full.dataset.space.names, (3, 6, 20, 16, 16))
METRICS = {
    "factor_vae": ("eval_accuracy", {"num_train": 1000, "num_eval": 500}),
    "mig": ("discrete_mig", {}),
    "sap": ("SAP_score", {}),
    "dci": ("disentanglement", {}),
}
BATCH = 256


@dataclass(frozen=True, eq=False)
class DrawnAnew(RepresentationTable):
    """A table whose codes are means of observations that are drawn at each look-up."""

    encoder: torch.nn.Module | None = None
    images: Images | None = None

    def codes(self, rows: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.floating]:
        """Codes (..., num_latents) of rows (...)."""
        found = encode(self.encoder, self.images, rows.reshape(-1))
        return found.reshape(*rows.shape, -1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/observations.json"))
    parser.add_argument("--work", type=Path, default=Path("data/observations"), help="keeps stores and trained weights")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--draws", type=int, default=4, help="how often each metric is computed")
    parser.add_argument("--scream", type=Path, help="scream.jpg; without it a smooth picture stands for it")
    arguments = parser.parse_args()
    torch.set_flush_denormal(True)
    results = {"machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    results |= {"training steps": arguments.steps, "draws": arguments.draws, "scored states": SPACE.num_states}
    for name in arguments.sets:
        results[name] = measure(name, arguments)
        print(name, json.dumps(results[name], indent=2), flush=True)
        write_json(arguments.out, results)


def measure(name: str, arguments: argparse.Namespace) -> dict[str, dict[str, float | list[float]]]:
    store = open_store(name, arguments.work, arguments.scream)
    stored = ResidentImages(store.load(), binary=True, device=CPU, dtype=torch.float32)
    observation = observation_of(store)
    vae = trained(arguments.work / f"{name}.{arguments.steps}.pt", stored, observation, arguments.steps)
    seeded = [table_of(vae, observed(stored, observation, seed)) for seed in range(2)]
    draws = {metric: [] for metric in METRICS}
    for draw in range(arguments.draws):
        images = observed(stored, observation, 1000 + draw)
        anew = DrawnAnew(SPACE, seeded[0].mean, encoder=vae.encoder, images=images)
        for metric in METRICS:
            draws[metric].append([score(metric, table, draw) for table in (*seeded, anew)])
        print(f"{time.strftime('%X')} {name}: draw {draw + 1} of {arguments.draws}", flush=True)
    return {metric: summary(np.array(values)) for metric, values in draws.items()}


def summary(scores: NDArray[np.float64]) -> dict[str, float | list[float]]:
    """Of scores (draws, 3): two seeded tables and observations drawn anew, each on the same rows."""
    anew, other = scores[:, 2] - scores[:, 0], scores[:, 1] - scores[:, 0]
    return {
        "one seeded observation per state": float(scores[:, 0].mean()),
        "drawn anew at every look-up": float(scores[:, 2].mean()),
        "difference": float(anew.mean()),
        "its standard error": float(anew.std(ddof=1) / len(anew) ** 0.5),
        "difference of another seed": float(other.mean()),
        "standard error of that": float(other.std(ddof=1) / len(other) ** 0.5),
        "standard deviation over draws of rows": float(scores[:, 0].std(ddof=1)),
        "scores (seed 0, seed 1, anew)": scores.tolist(),
    }


def score(metric: str, table: RepresentationTable, seed: int) -> float:
    key, options = METRICS[metric]
    return catalogue.find("metrics", metric)(table, derive_rng(seed, metric), **options)[key]


def observed(stored: ResidentImages, observation: Observation, seed: int) -> ObservedImages:
    generator = torch.Generator().manual_seed(derive_seed(seed, "observations"))
    return ObservedImages(stored, len(stored), observation, generator)


def table_of(vae: Vae, images: Images) -> RepresentationTable:
    return RepresentationTable(SPACE, encode(vae.encoder, images, np.arange(SPACE.num_states)))


@torch.inference_mode()
def encode(encoder: torch.nn.Module, images: Images, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Posterior means (n, num_latents) of rows (n,) of `SPACE`, each observed when it is encoded."""
    numbers = torch.from_numpy(dsprites_full.dataset.space.rows(SPACE.states(rows) * STEPS))
    return torch.cat([encoder(images.batch(some))[0] for some in numbers.split(BATCH)]).numpy()


def trained(path: Path, stored: ResidentImages, observation: Observation, num_steps: int) -> Vae:
    vae = Vae("conv", (64, 64, observation.num_channels), 10, torch.Generator().manual_seed(0))
    if path.exists():
        vae.load_state_dict(torch.load(path, weights_only=True))
        return vae

    def log(row: dict[str, float]) -> None:
        print(time.strftime("%X"), path.stem, {key: round(value, 2) for key, value in row.items()}, flush=True)

    images = ObservedImages(stored, len(stored), observation, torch.Generator().manual_seed(0))
    train(vae, BetaVae(beta=4.0), images, num_steps=num_steps, learning_rate=5e-4, log_every=500, log=log)
    torch.save(vae.state_dict(), path)
    return vae


def open_store(name: str, work: Path, scream: Path | None) -> ImageStore:
    path = work / f"{name}.zarr"
    if not path.is_dir():
        background = np.asarray(Image.open(scream).convert("RGB")) if scream else picture()
        extras = {"background": background} if name == "scream_dsprites" else {}
        dataset = replace(dsprites_full.dataset, observation=SETS[name], extras=lambda raw: extras)
        convert_dataset(dataset, name, path)
    return open_dataset(path)


def picture() -> NDArray[np.uint8]:
    """Stand for The Scream: a smooth picture of its size when shrunk, (274, 217, 3)."""
    y, x = np.mgrid[:274, :217] * 5.5
    channels = [128 + 100 * np.sin(x / 90), 128 + 100 * np.cos(y / 120), (x + y) / (y + x).max() * 255]
    return np.stack(channels, axis=-1).astype(np.uint8)


if __name__ == "__main__":
    main()
