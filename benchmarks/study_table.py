"""How long does one table of a study of 12,600 runs take, and how large is it? Prints and writes JSON.

The runs are simulated: nobody trained them, but their files have the scores of the published study and as many
parameters.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from hashlib import sha256
from itertools import product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

NUM_FACTORS = {"dsprites_full": 5, "color_dsprites": 5, "noisy_dsprites": 5, "scream_dsprites": 5, "smallnorb": 4,
               "cars3d": 3, "shapes3d": 6}  # fmt: skip
HYPERPARAMETERS = {
    "beta_vae": ("beta", (1.0, 2.0, 4.0, 6.0, 8.0, 16.0)),
    "factor_vae": ("gamma", (10.0, 20.0, 30.0, 40.0, 50.0, 100.0)),
    "dip_vae_i": ("lambda_od", (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)),
    "dip_vae_ii": ("lambda_od", (1.0, 2.0, 5.0, 10.0, 20.0, 50.0)),
    "beta_tc_vae": ("beta", (1.0, 2.0, 4.0, 6.0, 8.0, 10.0)),
    "annealed_vae": ("c_max", (5.0, 10.0, 25.0, 50.0, 75.0, 100.0)),
}
SCORES = {
    "beta_vae": ("train_accuracy", "eval_accuracy"),
    "factor_vae": ("train_accuracy", "eval_accuracy", "num_active_dims"),
    "mig": ("discrete_mig",),
    "dci": ("informativeness_train", "informativeness_test", "disentanglement", "completeness"),
    "sap": ("SAP_score",),
    "mce": ("modularity_score", "compactness_score", "explicitness_score_train", "explicitness_score_test"),
    "unsupervised": ("gaussian_total_correlation", "gaussian_wasserstein_correlation",
                     "gaussian_wasserstein_correlation_norm", "mutual_info_score"),
}  # fmt: skip


def score_names(num_factors: int) -> dict[str, list[str]]:
    """Scores of the nine metrics of the published study, by metric."""
    downstream = [
        f"{num}:{name}"
        for num in (10, 100, 1000, 10000)
        for sample in ("train", "test")
        for name in (
            f"mean_{sample}_accuracy", f"min_{sample}_accuracy",
            *(f"{sample}_accuracy_factor_{index}" for index in range(num_factors)),
        )
    ]  # fmt: skip
    names = {metric: list(scores) for metric, scores in SCORES.items()}
    return names | {f"downstream_{kind}": downstream for kind in ("boosted_trees", "logistic_regression")}


def simulate(folder: Path, datasets: dict[str, int] = NUM_FACTORS, num_seeds: int = 50, num_settings: int = 36) -> int:
    """Write the result files of a study into a folder; returns their number. The same arguments give the same files.

    Scores follow from data set, setting and seed: a score grows with the hyper-parameter, and part of it is chance.
    """
    settings = [(name, option, value) for name, (option, values) in HYPERPARAMETERS.items() for value in values]
    grid = product(datasets.items(), settings[:num_settings], range(num_seeds))
    number = -1
    for number, ((dataset, num_factors), (objective, option, value), seed) in enumerate(grid):
        rng = np.random.default_rng(number)
        quality = 0.2 + 0.02 * settings.index((objective, option, value)) % 0.5 + 0.1 * rng.normal()
        parameters = {
            "dataset.name": dataset, "train.objective": objective, "train.seed": seed, "train.num_steps": 300_000,
            "train.batch_size": 64, "train.num_latents": 10, "train.architecture": "conv",
            "train.reconstruction": "bernoulli", "train.activation": "logits", "train.subtract_entropy": False,
            "train.learning_rate": 1e-4, "train.adam_epsilon": "hat", "train.precision": "auto",
            "train.device": "cuda", "train.image_gigabytes": None, "train.log_every": 1000,
            "train.checkpoint_seconds": 60.0, f"objectives.{objective}.{option}": value,
            "postprocess.num_observations": 1, "evaluate.seed": 0, "metrics.mig.num_train": 10_000,
            "metrics.mig.num_bins": 20, "metrics.sap.num_train": 10_000, "metrics.sap.num_test": 5000,
        }  # fmt: skip
        fingerprint = sha256(f"{number}".encode()).hexdigest()[:32]
        result = {
            "fingerprint": fingerprint, "study": "simulated", "number": number, "status": "finished",
            "parameters": parameters,
            "scores": {
                representation: {
                    metric: dict(zip(names, (quality + 0.02 * rng.normal(size=len(names))).tolist(), strict=True))
                    for metric, names in score_names(num_factors).items()
                }
                for representation in ("mean", "sampled")
            },
            "training": {"reconstruction": 30 + rng.random(), "kl": 20 - 10 * quality, "elbo": -50 + quality},
            "seconds": {"train": 600.0 + number % 7, "postprocess": 9.5, "evaluate": 30.25},
            "versions": {"disbench": "0.1.0", "numpy": "2.4", "torch": "2.13.0"}, "error": None,
        }  # fmt: skip
        path = folder / "runs" / fingerprint / "result.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n")
    return number + 1


COMMANDS = {
    "read the files only": "import pathlib, sys; [p.read_bytes() for p in pathlib.Path(sys.argv[1]).rglob('*.json')]",
    "parquet": "from disbench.cli import app; app(['study', 'table', sys.argv[1], '--out', sys.argv[2] + '.parquet'])",
    "csv": "from disbench.cli import app; app(['study', 'table', sys.argv[1], '--out', sys.argv[2] + '.csv'])",
    "reference": "from disbench.cli import app; "
    "app(['study', 'table', sys.argv[1], '--out', sys.argv[2] + '.json', '--format', 'reference'])",
    "analyse of the parquet": "from disbench.cli import app; "
    "app(['study', 'analyse', sys.argv[2] + '.parquet', '--out', sys.argv[2] + '_analysis'])",
    "load_results of the parquet": "import disbench; disbench.load_results(sys.argv[2] + '.parquet')",
    "load_results of seven columns": "import disbench; disbench.load_results(sys.argv[2] + '.parquet', "
    "['dataset.name', 'train.objective', 'train.seed', 'representation', 'metric', 'score', 'value'])",
}


def measure(command: str, study: Path, out: Path) -> tuple[float, float, float]:
    """Seconds of a process from start to end, those it computed, and its peak memory in MB."""
    source = Path(__file__).parents[1] / "src"
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys; {command}", str(study), str(out)],
        env=os.environ | {"PYTHONPATH": str(source)}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"failed: {command}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "study_table.json")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=COMMANDS, help="Measure this one again and keep the other figures.")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        study, out = Path(folder) / "study", Path(folder) / "results"
        num_runs = simulate(study)
        figures: dict[str, object] = {"machine": f"{os.uname().machine}, {os.cpu_count()} cores", "runs": num_runs}
        if arguments.only:
            figures = json.loads(arguments.out.read_text())
            measure(COMMANDS["parquet"], study, out)  # which others read
        figures["bytes of the result files"] = sum(path.stat().st_size for path in study.rglob("*.json"))
        for name in [arguments.only] if arguments.only else COMMANDS:
            command = COMMANDS[name]
            taken = [measure(command, study, out) for _ in range(arguments.repeats)]
            for index, what in enumerate((" (s)", ", processor (s)", ", peak memory (MB)")):
                figures[name + what] = median(figures_of_one[index] for figures_of_one in taken)
        for suffix in () if arguments.only else ("parquet", "csv", "json"):
            figures[f"bytes of the {suffix}"] = out.with_suffix(f".{suffix}").stat().st_size
    for name, value in figures.items():
        print(f"{name:<50}{value:,.2f}" if isinstance(value, float) else f"{name:<50}{value}")
    arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
