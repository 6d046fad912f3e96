"""Measure what it takes to render dSprites, to convert it into its store, and to load it.

Run as `PYTHONPATH=src python benchmarks/convert.py`. Times are medians; copying the same bytes in
memory stands beside them as a yardstick of the machine.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from disbench.datasets._sprites import render
from disbench.datasets.dsprites_full import dataset
from disbench.storage import ImageStore, open_dataset

CONVERT = """
import sys
from pathlib import Path
from disbench.stages.convert import convert
convert("dsprites_full", Path(sys.argv[1]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/convert.json"))
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    results = measure(arguments.repeats)
    for name, value in results.items():
        print(f"{name:32}{value:>16,.3f}" if isinstance(value, float) else f"{name:32}{value:>16}")
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2) + "\n")


def measure(repeats: int) -> dict[str, float | int | str]:
    compile_s = seconds(lambda: render(np.zeros((1, 5), np.int64)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dsprites_full.zarr"
        convert_s = median(seconds(lambda: convert(path)) for _ in range(repeats))
        convert_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
        stored_mb = sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) / 1e6
        store = open_dataset(path)
        load_s = median(seconds(store.load) for _ in range(repeats))
        gather_s = median(seconds(lambda: store.images(random_rows(store))) for _ in range(repeats))
        images = store.load()
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "images": len(images),
        "compile renderer (s)": compile_s,
        "render all (s)": median(seconds(render_all) for _ in range(repeats)),
        "convert, whole process (s)": convert_s,
        "convert, peak memory (MB)": convert_mb,
        "store on disk (MB)": stored_mb,
        "load (s)": load_s,
        "load, bytes in memory (MB)": images.nbytes / 1e6,
        "copy in memory (s)": median(seconds(images.copy) for _ in range(repeats)),
        "read 64 random images (s)": gather_s,
    }


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def render_all() -> None:
    for _ in dataset.blocks(None):
        pass


def convert(path: Path) -> None:
    subprocess.run([sys.executable, "-c", CONVERT, path], check=True, stderr=subprocess.DEVNULL)


def random_rows(store: ImageStore) -> np.ndarray:
    return store.space.sample(64, np.random.default_rng(0))


if __name__ == "__main__":
    main()
