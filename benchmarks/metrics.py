"""How long do the metrics take at the sizes of the published study? Prints seconds and writes JSON.

Codes are those of an encoder that mixes the factors: ten latents, of which some are noise. Compiled kernels are loaded
before anything is timed. Seconds that other programs take from this one show as wall clock above processor time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from disbench import FactorSpace, RepresentationTable, evaluate

SPACES = {
    "dSprites": FactorSpace(("shape", "scale", "orientation", "x", "y"), (3, 6, 40, 32, 32)),
    "Cars3D": FactorSpace(("elevation", "azimuth", "car"), (4, 24, 183)),
}
METRICS = (
    "beta_vae", "factor_vae", "dci", "downstream_boosted_trees", "downstream_logistic_regression", "mig", "sap", "mce",
    "irs", "unsupervised",
)  # fmt: skip
NUM_LATENTS = 10
SHORT = 5.0
"""What takes fewer seconds is repeated, and the median counts."""


def make_table(space: FactorSpace) -> RepresentationTable:
    """Codes of all states: smooth mixtures of the factors with noise, and three latents of noise alone."""
    rng = np.random.default_rng(0)
    factors = space.factors(np.arange(space.num_states)) / (np.array(space.factor_sizes) - 1)
    mixed = np.tanh((2 * factors - 1) @ rng.normal(size=(space.num_factors, NUM_LATENTS)))
    mixed[:, -3:] = 0
    codes = mixed + np.where(mixed.any(axis=0), 0.05, 1.0) * rng.normal(size=mixed.shape)
    return RepresentationTable.from_codes(space, codes.astype(np.float32))


def timed(function: Callable[[], Any]) -> tuple[float, float]:
    """Seconds of a call, and those that the processors worked for it."""
    start, worked = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - start, time.process_time() - worked


def measured(function: Callable[[], Any], repeats: int) -> dict[str, float]:
    """Median of several calls if they are short, else one."""
    taken = [timed(function)]
    if taken[0][0] < SHORT:
        taken += [timed(function) for _ in range(repeats - 1)]
    return {"s": median(each[0] for each in taken), "processor (s)": median(each[1] for each in taken)}


def against_scikit_learn(table: RepresentationTable, num_train: int, repeats: int) -> dict[str, float]:
    """DCI with either implementation of the trees, taking turns, of fewer points: processor time and its ratio."""
    seconds: dict[str, list[float]] = {"disbench": [], "scikit-learn": []}
    for _ in range(repeats):
        for trees, taken in seconds.items():
            taken.append(timed(lambda trees=trees: evaluate("dci", table, num_train=num_train, trees=trees))[1])
    medians = {f"{trees}, processor (s)": median(taken) for trees, taken in seconds.items()}
    return medians | {"ratio": medians["scikit-learn, processor (s)"] / medians["disbench, processor (s)"]}


def one_command(table: RepresentationTable) -> dict[str, float]:
    """The nine metrics of the study of a file of codes of all images of dSprites, from start to end of the process."""
    with tempfile.TemporaryDirectory() as folder:
        codes = Path(folder) / "codes.npy"
        np.save(codes, table.mean)
        arguments = ["score", str(codes), "--dataset", "dsprites_full", "--metrics", "study", "--json"]
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "disbench", *arguments], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"failed: disbench {' '.join(arguments)}")
    return {"s": time.perf_counter() - start, "processor (s)": usage.ru_utime + usage.ru_stime}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "metrics.json")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--num-train-scikit-learn", type=int, default=1000)
    arguments = parser.parse_args()
    tables = {name: make_table(space) for name, space in SPACES.items()}
    cores, threads = len(os.sched_getaffinity(0)), os.environ.get("OMP_NUM_THREADS", "unset")
    results: dict[str, Any] = {
        "machine": f"{os.uname().machine}, {cores} cores, OMP_NUM_THREADS {threads}",
        "load average of the last minute, before": os.getloadavg()[0],
    }
    small = make_table(FactorSpace(("a", "b"), (2, 3)))
    for metric in METRICS:
        evaluate(metric, small)
    for name, table in tables.items():
        results[name] = {}
        for metric in METRICS:
            taken = measured(lambda metric=metric, table=table: evaluate(metric, table), arguments.repeats)
            results[name][metric] = taken
            print(f"{name:<10}{metric:<32}" + "".join(f"{value:>9.2f} {unit:<16}" for unit, value in taken.items()))
    results["nine metrics of dSprites, one command"] = one_command(tables["dSprites"])
    num = arguments.num_train_scikit_learn
    results[f"DCI of dSprites, {num} points"] = against_scikit_learn(tables["dSprites"], num, 1)
    results["load average of the last minute, after"] = os.getloadavg()[0]
    print(json.dumps({name: value for name, value in results.items() if name not in tables}, indent=2))
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
