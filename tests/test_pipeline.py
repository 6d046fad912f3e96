"""The pipeline as its users run it, on the toy data set, in a repository of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from disbench.report.revisions import place_of
from tests import ROOT

SCORES = {"mig": "discrete_mig", "sap": "SAP_score", "factor_vae": "eval_accuracy", "dci": "disentanglement"}
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "DVC_STUDIO_OFFLINE": "1"}


class Repository:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.environment = ENVIRONMENT
        tracked = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        for name in tracked:
            # a lock file would say which outputs to expect
            if (ROOT / name).is_file() and not name.endswith("dvc.lock") and not name.startswith("reports/metrics"):
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, path / name)
        self.change("dataset", name="toy")
        self.change("train", num_steps=40, log_every=10, batch_size=16, num_latents=5, checkpoint_seconds=0.1)
        self.change("metrics", factor_vae={"num_train": 200, "num_eval": 100, "num_variance_estimate": 200})
        self.change("metrics", dci={"num_train": 200, "num_test": 100}, sap={"num_train": 200, "num_test": 100})
        for command in (
            ["init", "--quiet", "--initial-branch", "main"],
            ["config", "user.name", "tester"],
            ["config", "user.email", "tester@localhost"],
            ["add", "--all"],
            ["commit", "--quiet", "--message", "Start"],
        ):
            subprocess.run(["git", *command], cwd=path, check=True)

    def change(self, section: str, **values: object) -> None:
        file = self.path / "params.yaml"
        content = yaml.safe_load(file.read_text())
        content[section] |= values
        file.write_text(yaml.safe_dump(content, sort_keys=False))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["dvc", *arguments], cwd=self.path, env=ENVIRONMENT, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def dvc(self, *arguments: str, fails: bool = False) -> str:
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=300)
        assert (process.returncode != 0) == fails, output
        return output

    def scores(self) -> dict[str, dict[str, float]]:
        return {path.stem: json.loads(path.read_text()) for path in (self.path / "reports/metrics").glob("*.json")}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    repository = Repository(tmp_path_factory.mktemp("finished"))
    repository.output = repository.dvc("repro")
    return repository


def test_a_run_ends_with_scores_an_encoder_and_curves(finished):
    scores = finished.scores()
    assert {name: key for name, key in SCORES.items() if key not in scores[name]} == {}
    assert scores["train"]["reconstruction"] > 0
    model = finished.path / "data/run/model"
    assert {path.name for path in model.iterdir()} == {"encoder.safetensors", "decoder.safetensors", "model.json"}
    assert list((finished.path / "reports/train").rglob("reconstruction.tsv"))
    assert not list((finished.path / "data/checkpoints").glob("*/*"))


def test_a_run_ends_with_a_report(finished):
    assert "beta_vae <span>on</span> toy" in (finished.path / "reports/report.html").read_text()
    stages = [line for line in finished.output.splitlines() if line.startswith("Running stage")]
    assert stages[-1] == "Running stage 'report':"


def test_only_the_chosen_data_set_is_built(finished):
    assert [path.name for path in (finished.path / "data/zarr").iterdir()] == ["toy.zarr"]


def test_the_parameters_are_checked_first(finished):
    stages = [line for line in finished.output.splitlines() if line.startswith("Running stage")]
    assert "'check'" in stages[0]
    assert "convert@toy" in stages[1]


def test_a_run_leaves_pictures_that_dvc_shows(finished):
    pictures = {path.name for path in (finished.path / "reports/pictures").iterdir()}
    assert {"reconstructions.png", "traversals_0.png", "cycle_minmax_interval.gif", "kl.png"} <= pictures
    finished.dvc("plots", "show", "--out", "plots")
    page = (finished.path / "plots/index.html").read_text()
    assert [name for name in pictures if name.rpartition(".")[0] not in page] == []


def test_a_second_run_has_nothing_to_do(finished):
    output = finished.dvc("repro")
    assert "Running stage" not in output
    assert "up to date" in output


def test_plain_repro_never_starts_the_study(finished):
    assert "study" not in finished.dvc("repro", "--dry")
    assert "disbench study run reports/study/study.yaml" in finished.dvc("repro", "--dry", "reports/study/dvc.yaml")


def test_scores_are_shown_and_plots_drawn(finished):
    shown = json.loads(finished.dvc("metrics", "show", "--json"))[""]["data"]
    assert shown["reports/metrics/mig.json"]["data"] == finished.scores()["mig"]
    finished.dvc("plots", "show", "--out", "plots")
    assert "reconstruction" in (finished.path / "plots/index.html").read_text()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("+train.num_stepz=3", "no parameter called 'num_stepz'. Did you mean 'num_steps'?"),
        ("dataset.name=toyy", "no data set called 'toyy'. Did you mean 'toy'?"),
        ("train.objective=beta_va", "no objective called 'beta_va'. Did you mean 'beta_vae'?"),
        ("metrics.mig.num_bins=-1", "metrics.mig.num_bins: Input should be greater than 0; got -1"),
    ],
)
def test_a_mistake_stops_before_anything_is_computed(finished, setting, message):
    before = finished.scores()
    output = finished.dvc("exp", "run", "evaluate", "--temp", "--set-param", setting, fails=True)
    assert message in " ".join(output.split())
    assert [line for line in output.splitlines() if line.startswith("Running stage")] == ["Running stage 'check':"]
    assert finished.scores() == before


def test_experiments_are_queued_compared_and_named(finished, monkeypatch):
    queued = finished.dvc(
        "exp", "run", "evaluate", "--queue", "-S", "train.objective=beta_vae", "-S", "train.seed=range(1,3)"
    )
    assert queued.count("Queued experiment") == 2
    finished.dvc("exp", "run", "--run-all")
    shown = json.loads(finished.dvc("exp", "show", "--json"))
    experiments = shown[1]["experiments"]
    runs = {experiment["name"]: experiment["revs"][-1]["data"] for experiment in experiments}
    revisions = {experiment["name"]: experiment["revs"][-1]["rev"] for experiment in experiments}
    assert sorted(run["params"]["params.yaml"]["data"]["train"]["seed"] for run in runs.values()) == [1, 2]
    reconstruction = {run["metrics"]["reports/metrics/train.json"]["data"]["reconstruction"] for run in runs.values()}
    assert len(reconstruction | {finished.scores()["train"]["reconstruction"]}) == 3
    difference = finished.dvc("metrics", "diff", *runs)
    assert "reports/metrics/mig.json" in difference
    page = finished.path / "compared.html"
    command = [sys.executable, "-m", "disbench", "report", *runs, "--out", str(page)]
    subprocess.run(command, cwd=finished.path, env={**ENVIRONMENT, "PYTHONPATH": "src"}, check=True)
    assert [name for name in runs if name not in page.read_text()] == []
    monkeypatch.chdir(finished.path)
    for name, revision in revisions.items():
        assert revision.startswith(place_of(name, finished.path / f".{name}.partial").commit)


def killed_while_training(repository: Repository) -> None:
    """Run until training has written a new checkpoint, then kill -9 the whole group of processes."""
    checkpoints = repository.path / "data/checkpoints"
    seen = set(checkpoints.rglob("*.safetensors"))
    process = repository.start("repro")
    deadline = time.monotonic() + 120
    while not set(checkpoints.rglob("*.safetensors")) - seen:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_killing_the_training_twice_changes_nothing(tmp_path, finished):
    repository = Repository(tmp_path)
    repository.change("train", num_steps=400)
    killed_while_training(repository)
    killed_while_training(repository)
    resumed = repository.dvc("repro")
    assert "step" in next(
        line for line in resumed.splitlines() if "go on from" in line.lower() or "resum" in line.lower()
    )
    scores = repository.scores()
    model = {path.name: path.read_bytes() for path in (repository.path / "data/run/model").iterdir()}
    repository.dvc("repro", "--force")
    assert repository.scores() == scores
    assert {path.name: path.read_bytes() for path in (repository.path / "data/run/model").iterdir()} == model


@pytest.mark.slow
def test_a_second_repro_at_once_waits_or_is_turned_away_and_changes_nothing(finished):
    scores = finished.scores()
    first, second = finished.start("repro", "--force"), finished.start("repro", "--force")
    outputs = [process.communicate(timeout=300)[0] for process in (first, second)]
    codes = [process.returncode for process in (first, second)]
    assert 0 in codes, outputs
    for code, output in zip(codes, outputs, strict=True):
        assert code == 0 or "lock" in output.lower() or "busy" in output.lower(), output
        assert "Traceback" not in output
    assert finished.scores() == scores
    assert "up to date" in finished.dvc("repro")
