"""The recipes of docs/sweeps.md, on the toy data set, in repositories of their own."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests import ROOT
from tests.test_pipeline import Repository

KEPT = ("data/run/model/encoder.safetensors", "data/run/model/decoder.safetensors", "data/run/model/model.json")
OBJECTIVES = ("annealed_vae", "beta_tc_vae", "beta_vae", "dip_vae_i", "dip_vae_ii", "factor_vae")


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=path, capture_output=True, text=True, check=True).stdout


def experiments(repository: Repository) -> dict[str, dict[str, object]]:
    """Parameters of the finished experiments by name."""
    found = json.loads(repository.dvc("exp", "show", "--json"))[1]["experiments"] or []
    return {run["name"]: run["revs"][-1]["data"]["params"]["params.yaml"]["data"] for run in found}


def wait_for_queue(repository: Repository) -> None:
    deadline = time.monotonic() + 3000
    while {"Running", "Queued"} & set((status := repository.dvc("queue", "status")).split()):
        assert time.monotonic() < deadline, status
        time.sleep(2)
    assert "Failed" not in status


def require_comparisons(repository: Repository, name: str) -> None:
    """The tables and the page of curves of one experiment beside the branch."""
    shown = repository.dvc(
        "exp", "show", "--only-changed", "--drop", ".*", "--keep", "train.seed|discrete_mig", "--csv"
    )
    assert {"train.seed", "discrete_mig"} <= set(shown.splitlines()[0].split(","))
    assert "dsprites" not in shown, "the sources of data sets are no parameters of a run"
    assert "discrete_mig" in repository.dvc("metrics", "diff", "main", name, "--all")
    assert "train.seed" in repository.dvc("params", "diff", "main", name)
    repository.dvc("plots", "diff", "main", name, "--out", "plots")
    page = (repository.path / "plots/index.html").read_text()
    assert [title for title in ("Reconstruction error", "nats per image", name) if title not in page] == []


def require_restored(repository: Repository, name: str) -> dict[str, bytes]:
    """Apply an experiment, and return the files of its model; DVC ends with 255, for data sets were never built."""
    process = repository.start("exp", "apply", name)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 255, output
    assert "No file hash info found for" in output
    assert "Traceback" not in output
    seed = experiments(repository)[name]["train"]["seed"]
    assert f"seed: {seed}" in git(repository.path, "diff", "params.yaml")
    repository.dvc("status", "evaluate", "--with-deps", "--quiet")  # which would fail if a stage were to run again
    return {kept: (repository.path / kept).read_bytes() for kept in KEPT}


def require_shared(repository: Repository, name: str, model: dict[str, bytes], folder: Path) -> None:
    """Push a branch made of the experiment to a folder, clone, pull, and find nothing left to train."""
    repository.dvc("exp", "branch", name, "keep")
    repository.dvc("remote", "add", "--local", "--default", "lab", str(folder / "lab"))
    repository.dvc("push", "evaluate", "--with-deps")
    clone = folder / "clone"
    git(folder, "clone", "--quiet", "--branch", "keep", str(repository.path), str(clone))
    copied = object.__new__(Repository)
    copied.path = clone
    copied.dvc("remote", "add", "--local", "--default", "lab", str(folder / "lab"))
    copied.dvc("pull", "evaluate", "--with-deps")
    assert {kept: (clone / kept).read_bytes() for kept in KEPT} == model
    assert not (clone / "data/raw").exists()
    assert "Running stage" not in copied.dvc("repro", "evaluate")


@pytest.mark.slow
def test_a_grid_is_queued_compared_restored_kept_and_shared(tmp_path):
    (tmp_path / "repository").mkdir()
    repository = Repository(tmp_path / "repository")
    repository.dvc("repro", "evaluate")
    git(repository.path, "add", "--all")
    git(repository.path, "commit", "--quiet", "--message", "First run")
    queued = repository.dvc("exp", "run", "evaluate", "--queue", "-S", "train.seed=range(1,3)")
    assert queued.count("Queued experiment") == 2
    assert git(repository.path, "status", "--short") == ""
    with (tmp_path / "queue.txt").open("w") as output:  # a pipe would be held open by the workers
        subprocess.run(
            ["dvc", "queue", "start", "-j", "2"], cwd=repository.path, stdout=output, stderr=output,
            env=repository.environment | {"OMP_NUM_THREADS": "1"}, check=True,
        )  # fmt: skip
    wait_for_queue(repository)
    found = experiments(repository)
    assert sorted(parameters["train"]["seed"] for parameters in found.values()) == [1, 2]
    name = next(iter(found))
    require_comparisons(repository, name)
    model = require_restored(repository, name)
    require_shared(repository, name, model, tmp_path)


@pytest.mark.slow
def test_every_objective_is_one_setting_away(tmp_path):
    repository = Repository(tmp_path)
    repository.change("train", num_steps=2)
    losses = set()
    for objective in OBJECTIVES:
        repository.dvc("exp", "run", "evaluate", "-S", f"train.objective={objective}")
        model = json.loads((tmp_path / "data/run/model/model.json").read_text())
        assert objective in json.dumps(model)
        losses.add(repository.scores()["train"]["reconstruction"])
    assert len(losses) > 1


def test_the_page_names_stages_and_parameters_that_exist():
    page = (ROOT / "docs/sweeps.md").read_text()
    pipeline, params = (ROOT / "dvc.yaml").read_text(), (ROOT / "params.yaml").read_text()
    assert "\n  evaluate:" in pipeline
    for command in [line for line in page.splitlines() if line.startswith("dvc exp run")]:
        assert command.startswith("dvc exp run evaluate ")
        for setting in [word.split("=")[0].strip("'") for word in command.split() if "=" in word]:
            assert f"\n  {setting.split('.')[1]}:" in params, setting
