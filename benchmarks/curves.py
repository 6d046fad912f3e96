"""Do encoders trained on dSprites go where the reference's go? Trains several seeds, prints a table and writes JSON.

The numbers of the reference are those of its own training function, on dSprites rendered by the same rule, averaged
over windows of steps. A run that is stopped by SIGTERM or Ctrl-C counts with the windows it reached, and goes on the
next time; one that is finished is not trained again.
"""

import argparse
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch

import disbench
from disbench.datasets.dsprites_full import dataset
from disbench.models import Vae
from disbench.models.reconstruction import bernoulli
from disbench.objectives._objective import Objective
from disbench.objectives.beta_vae import BetaVae
from disbench.objectives.dip_vae_i import DipVaeI
from disbench.objectives.factor_vae import FactorVae
from disbench.seeds import derive_seed
from disbench.training.checkpoint import CheckpointFolder
from disbench.training.devices import flushed_denormals
from disbench.training.images import ResidentImages
from disbench.training.interrupt import InterruptedTrainingError
from disbench.training.loop import train
from disbench.training.memory import keep_freed_memory

REFERENCE = Path(__file__).parents[1] / "tests" / "golden" / "curves.json"
CASES = {
    "beta_vae_b4": lambda: BetaVae(beta=4.0),
    "dip_vae_i_10_10": lambda: DipVaeI(lambda_od=10.0, lambda_d_factor=10.0),
    "factor_vae_g10": lambda: FactorVae(gamma=10.0),
}
WINDOWS = {500: "401-500", 1000: "901-1000", 2000: "1901-2000", 4000: "3901-4000"}
QUANTITIES = ("reconstruction", "kl")
SCORES = ("mig", "sap_continuous", "modularity", "explicitness_test")


@dataclass(frozen=True)
class Run:
    """One seed of one case."""

    case: str
    seed: int
    steps: int

    @property
    def name(self) -> str:
        """Of its files."""
        return f"{self.case}_s{self.seed}"

    def finished(self, folder: Path) -> bool:
        """Whether its file says that it took as many steps."""
        path = folder / f"{self.name}.json"
        return path.is_file() and json.loads(path.read_text())["steps"] >= self.steps


def render() -> ResidentImages:
    stored = np.concatenate([block.images for block in dataset.blocks(None)])
    return ResidentImages(stored, binary=True, device=torch.device("cpu"), dtype=torch.float32)


def run_one(run: Run, images: ResidentImages, folder: Path) -> dict[str, Any]:
    """Train, and return averages over windows, an evaluation on fixed rows, and scores of the codes of others."""
    vae = Vae("conv", (64, 64, 1), 10, torch.Generator().manual_seed(derive_seed(run.seed, "weights")))
    objective: Objective = CASES[run.case]()
    rows: list[dict[str, float]] = []
    with flushed_denormals(), suppress(InterruptedTrainingError):  # the rows say how far it came
        train(
            vae,
            objective,
            images,
            num_steps=run.steps,
            seed=run.seed,
            log_every=1,
            log=rows.append,
            checkpoints=CheckpointFolder(folder / run.name),
            checkpoint_seconds=120,
        )
    windows = {
        window: {key: mean(row[key] for row in rows[end - 100 : end]) for key in QUANTITIES}
        for end, window in WINDOWS.items()
        if end <= len(rows)
    }
    return {
        "case": run.case,
        "seed": run.seed,
        "steps": len(rows),
        "windows": windows,
        "evaluation": evaluate(vae, images, run.seed),
        "scores": score(vae, images),
    }


@torch.inference_mode()
def evaluate(vae: Vae, images: ResidentImages, seed: int) -> dict[str, Any]:
    """Reconstruction, from a sample and from the mean, and KL divergence of the 2,000 rows of the reference."""
    x = images.batch(torch.from_numpy(np.random.RandomState(12345).randint(737280, size=2000)))
    posterior = vae.encode(x)
    z = posterior.sample(torch.Generator().manual_seed(seed))
    kl = posterior.kl.mean(0)
    return {
        "reconstruction": float(bernoulli(x, vae.decode(z)).mean()),
        "reconstruction_at_mean": float(bernoulli(x, vae.decode(posterior.mean)).mean()),
        "kl": float(kl.sum()),
        "kl_latents_sorted": kl.sort(descending=True).values.tolist(),
    }


@torch.inference_mode()
def score(vae: Vae, images: ResidentImages) -> dict[str, float]:
    """Scores of the mean codes of the 10,000 rows of the reference."""
    rows = np.random.RandomState(54321).randint(737280, size=10000)
    batches = np.array_split(rows, 40)
    codes = np.concatenate([vae.encode(images.batch(torch.from_numpy(batch))).mean.numpy() for batch in batches])
    factors = dataset.space.factors(rows)
    found = {
        name: disbench.score(name, codes, factors, train_fraction=0.7, **options)
        for name, options in {"mig": {}, "sap": {"continuous_factors": True}, "mce": {}}.items()
    }
    return {
        "mig": found["mig"]["discrete_mig"],
        "sap_continuous": found["sap"]["SAP_score"],
        "modularity": found["mce"]["modularity_score"],
        "explicitness_test": found["mce"]["explicitness_score_test"],
    }


def compare(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each case and number: values of our seeds, of the reference's, and the ratio of the means."""
    reference = json.loads(REFERENCE.read_text())["runs"]
    table = []
    for case in CASES:
        ours = [_numbers(result, str(result["steps"])) for result in results if result["case"] == case]
        theirs = [_numbers(run, "4000") for run in reference if run["case"] == case]
        for key in theirs[0] if ours else ():
            a, b = ([values[key] for values in each if key in values] for each in (ours, theirs))
            if a:
                row = {"case": case, "number": key, "ours": a, "reference": b}
                table.append(row | {"ratio": mean(a) / mean(b)})
    return table


def _numbers(run: dict[str, Any], step: str) -> dict[str, float]:
    found = {f"{key}, {window}": run["windows"][window][key] for window in run["windows"] for key in QUANTITIES}
    if step != "4000":
        return found
    evaluation, scores = (run[part].get("4000", run[part]) for part in ("evaluation", "scores"))
    found |= {f"{key}, evaluation": value for key, value in evaluation.items() if key != "kl_latents_sorted"}
    return found | {key: scores[key] for key in SCORES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints and finished runs")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "curves.json")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=4000)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    keep_freed_memory()
    runs = [Run(case, seed, arguments.steps) for seed in arguments.seeds for case in arguments.cases]
    missing = [run for run in runs if not run.finished(arguments.work)]
    images = render() if missing else None
    for run in missing:
        result = run_one(run, images, arguments.work)
        (arguments.work / f"{run.name}.json").write_text(json.dumps(result, indent=1) + "\n")
        print(f"{run.name}: {result['windows']}", flush=True)
        if result["steps"] < run.steps:
            break
    results = [json.loads(path.read_text()) for path in sorted(arguments.work.glob("*.json"))]
    table = compare(results)
    for row in table:
        ours, theirs = (" ".join(f"{value:9.4g}" for value in row[key]) for key in ("ours", "reference"))
        print(f"{row['case']:16} {row['number']:34} {ours:30} | {theirs:30} {row['ratio']:.3f}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"runs": results, "comparison": table}, indent=1) + "\n")


if __name__ == "__main__":
    main()
