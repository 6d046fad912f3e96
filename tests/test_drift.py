"""A small pipeline ends with the scores that are stored: whatever moves them without being meant to shows here.

After a change that is meant to move them, `PYTHONPATH=src python -m tests.test_drift` stores the new ones.
"""

import json
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

import pytest
import yaml

from disbench.stages.convert import convert
from disbench.stages.evaluate import evaluate
from disbench.stages.postprocess import postprocess
from disbench.stages.train import train
from tests import ROOT
from tests.docs.snippets import small_params

STORED = ROOT / "tests/golden/drift.json"
# Twice what a second thread moved at the worst of four seeds: Adam can make a whole step of a rounding error.
# At the seed that is stored, neither two threads nor older instructions moved a score by more than 1e-4.
TOLERANCE = 2e-2
COUNTS = {"num_train": 2000, "num_test": 1000}
METRICS = {
    "beta_vae": {"num_train": 1000, "num_eval": 1000},
    "dci": {"num_train": 300, "num_test": 300},
    "factor_vae": {"num_train": 1000, "num_eval": 1000},
    "irs": {"num_train": 2000},
    "mce": COUNTS,
    "mig": {"num_train": 2000},
    "sap": COUNTS,
    "unsupervised": {"num_train": 2000},
}


def scores_of_a_run(folder: Path, **settings: object) -> dict[str, dict[str, float]]:
    """Scores of training and of every metric of a run of 100 steps, in which all latents become active."""
    params = small_params()
    params["train"] |= {"num_steps": 100, "batch_size": 32, "num_latents": 5, "seed": 1, "device": "cpu", **settings}
    params["objectives"]["beta_vae"]["beta"] = 0.05
    params["metrics"] = METRICS
    file, store, model, table = (folder / name for name in ("params.yaml", "toy.zarr", "model", "table.zarr"))
    file.write_text(yaml.safe_dump(params))
    convert("toy", store)
    with chdir(folder):  # DVCLive looks for a repository around the current folder
        train(
            params_path=file, store_path=store, checkpoints=folder / "checkpoints", model=model, log=folder / "log",
            scores_path=folder / "train.json",
        )  # fmt: skip
    postprocess(params_path=file, store_path=store, model=model, table_path=table)
    scores = {"train": json.loads((folder / "train.json").read_text())}
    for metric in METRICS:
        scores[metric] = evaluate(metric, params_path=file, table_path=table, scores_path=folder / f"{metric}.json")
    return scores


def moved(scores: dict[str, dict[str, float]]) -> dict[str, float]:
    """By how much each score that is out of the tolerance has moved."""
    stored = json.loads(STORED.read_text())
    assert {name: found.keys() for name, found in scores.items()} == {
        name: kept.keys() for name, kept in stored.items()
    }
    changes = {f"{name}.{key}": scores[name][key] - value for name in stored for key, value in stored[name].items()}
    return {name: change for name, change in changes.items() if not abs(change) <= TOLERANCE}


def test_scores_are_the_stored_ones(tmp_path):
    assert moved(scores_of_a_run(tmp_path)) == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "setting",
    [
        {"num_steps": 99},
        {"learning_rate": 1.01e-4},
        {"adam_epsilon": "standard"},
        {"seed": 2},
        {"precision": "bfloat16"},
    ],
    ids=str,
)
def test_the_tolerance_notices(tmp_path, setting):
    assert len(moved(scores_of_a_run(tmp_path, **setting))) > 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        STORED.write_text(json.dumps(scores_of_a_run(Path(folder)), indent=1) + "\n")
    sys.stdout.write(f"{STORED} is new\n")
