"""The stages as processes of their own, on the toy data set."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import yaml
from tests import ROOT
from tests.docs.snippets import small_params

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
STAGES = {
    "convert": "convert toy",
    "train": "train --params params.yaml --dataset data/zarr/toy.zarr --checkpoints data/checkpoints "
    "--model data/run/model --log reports/train --scores reports/metrics/train.json",
    "postprocess": "postprocess --params params.yaml --dataset data/zarr/toy.zarr --model data/run/model "
    "--table data/run/table.zarr",
    "evaluate": "evaluate mig --params params.yaml --table data/run/table.zarr --scores reports/metrics/mig.json",
}

PAGES = {
    "visualize": "visualize --model data/run/model --dataset data/zarr/toy.zarr --table data/run/table.zarr "
    "--out reports/pictures --picture traversals --picture reconstructions --num-points 100",
    "report": "report --out reports/report.html",
}


def write_params(folder: Path, **train: object) -> None:
    params = small_params()
    params["train"] |= {"num_steps": 60, "checkpoint_seconds": 0.05, **train}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def start(folder: Path, stage: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "disbench", *(STAGES | PAGES).get(stage, stage).split()],
        cwd=folder, env=ENVIRONMENT | environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        # to its workers too goes a signal that is sent to the group, as a terminal does
        start_new_session=True,
        # whoever runs the tests in the background of a shell ignores Ctrl-C, and so would the command
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def run(folder: Path, stage: str, **environment: str) -> tuple[int, str]:
    process = start(folder, stage, **environment)
    try:
        output, _ = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, output


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every output but the curves, which hold the speed of training."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    kept = {str(path.relative_to(folder)): path for path in files if "reports/train/" not in str(path)}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in kept.items()}
