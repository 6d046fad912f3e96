"""One run in one folder, in this process."""

import json
import shutil
import threading

import numpy as np
import pytest
import torch
from tests.study.standin import odd_seeds_fail, work
from typer.testing import CliRunner

from disbench import files, scoring, storage
from disbench.cli import app
from disbench.models import load_encoder
from disbench.study import compute as parts
from disbench.study import results, schema
from disbench.study.compute import compute
from disbench.study.execute import execute
from disbench.study.tasks import todo


def tasks_of(study, out, data, **options):
    loaded = schema.load(study)
    return todo([loaded.run(number) for number in range(loaded.num_runs)], out, str(data), **options)


@pytest.fixture(autouse=True)
def _one_thread(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # DVCLive looks for a repository around the current folder
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_run_leaves_a_result_and_an_encoder(study, tmp_path, data):
    task = tasks_of(study(), tmp_path / "out", data).tasks[1]
    assert execute(task, compute).status == "finished"
    result = results.read(tmp_path / "out" / "runs" / task.fingerprint / "result.json")
    assert (result.study, result.number, result.parameters) == ("little", 1, task.run.parameters)
    assert set(result.scores) == {"mean", "sampled"}
    assert 0 <= result.scores["mean"]["mig"]["discrete_mig"] <= 1
    assert result.training["reconstruction"] > 0
    assert set(result.seconds) == {"train", "postprocess", "evaluate"}
    assert load_encoder(task.folder / "model")(torch.zeros(1, 1, 16, 16))[0].shape == (1, 3)
    left = {path.name for path in task.folder.iterdir()}
    assert left == {
        ".lock", "fingerprint", "log.txt", "model", "params.yaml", "result.json", "train", "training.json",
    }  # fmt: skip
    assert tasks_of(study(), tmp_path / "out", data).num_finished == 1


def test_a_run_that_was_killed_while_scoring_does_not_train_again(study, tmp_path, data, monkeypatch):
    task = tasks_of(study(), tmp_path / "out", data, keep_tables=True).tasks[0]

    def killed(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(parts, "evaluate", killed)
        with pytest.raises(KeyboardInterrupt):
            execute(task, compute)
    encoder = task.folder / "model" / "encoder.safetensors"
    before = encoder.stat().st_mtime_ns
    assert execute(task, compute).status == "finished"
    assert encoder.stat().st_mtime_ns == before
    table = storage.open_table(task.folder / "representations" / "sampled.zarr")
    assert table.kind == "sampled"
    scores = files.read_json(task.folder / "metrics" / "sampled" / "mig.json")
    assert scores == scoring.evaluate("mig", table, seed=0, num_train=100)
    assert storage.open_table(task.folder / "representations" / "mean.zarr").kind == "mean"


def test_a_failure_is_a_result_until_it_is_done_again(study, tmp_path, data):
    tasks = tasks_of(study(), tmp_path / "out", data).tasks
    assert [execute(task, odd_seeds_fail).status for task in tasks[:2]] == ["finished", "failed"]
    failed = results.read(tasks[1].folder / "result.json")
    assert "RuntimeError: seed 1 is odd" in failed.error
    found = tasks_of(study(), tmp_path / "out", data)
    assert (len(found.tasks), found.num_finished, found.num_failed) == (6, 1, 1)
    assert execute(tasks[1], work).status == "failed", "only a task made to replace it does"
    (retried,) = tasks_of(study(), tmp_path / "out", data, retry_failed=True).tasks
    assert execute(retried, work).status == "finished"
    assert execute(retried, odd_seeds_fail).status == "finished", "a result that is there stands"
    assert tasks_of(study(), tmp_path / "out", data).num_finished == 2


def test_of_two_processes_with_the_same_run_one_waits(study, tmp_path, data):
    task = tasks_of(study(), tmp_path / "out", data).tasks[0]
    threads = [threading.Thread(target=execute, args=(task, work)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "out" / "notes").read_text() == "started 0\n"


def test_data_sets_without_a_store_are_named_before_anything_runs(study, tmp_path, data):
    with pytest.raises(ValueError, match=r"no store at .*cars3d.zarr") as raised:
        tasks_of(study(datasets=["tiny", "cars3d", "smal"]), tmp_path / "out", data)
    assert "`dvc repro data/dvc.yaml:convert@cars3d` makes it in data/zarr" in str(raised.value)
    assert "no data set called 'smal'. Did you mean 'smallnorb'?" in str(raised.value)


def test_reproduce_writes_model_representations_and_metrics(study, tmp_path, data):
    command = ["reproduce", "--study", study(), "--data", str(data), "--out", str(tmp_path / "output")]
    done = CliRunner().invoke(app, [*command, "--model-num", "2", "--num-steps", "3"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    folder = tmp_path / "output" / "little" / "2"
    result = json.loads((folder / "result.json").read_text())
    assert result["parameters"]["train.num_steps"] == 3
    assert result["parameters"]["objectives.beta_vae.beta"] == 4
    for representation in ("mean", "sampled"):
        scores = json.loads((folder / "metrics" / representation / "mig.json").read_text())
        assert result["scores"][representation]["mig"] == scores
        assert (folder / "representations" / f"{representation}.zarr").is_dir()
    assert list((folder / "pictures").rglob("*.png"))

    measured = CliRunner().invoke(
        app, [*command, "--no-pictures", "--encoder", str(folder / "model")], catch_exceptions=False
    )
    assert measured.exit_code == 0, measured.output
    own = json.loads((tmp_path / "output" / "little" / "model" / "scores.json").read_text())
    assert own["scores"] == result["scores"]
    assert own["dataset"] == "tiny"
    assert result["metric_seeds"] == {}
    for wrong, message in (
        ([], "expected --model-num"),
        (["--encoder", str(folder / "model"), "--num-steps", "3"], "--num-steps is about training"),
        (["--model-num", "2", "--dataset", "tiny"], "--dataset is about an encoder"),
    ):
        assert message in str(CliRunner().invoke(app, [*command, *wrong]).exception)


def test_measuring_an_encoder_takes_nothing_of_another(study, tmp_path, data):
    """Two encoders may have the same name, and one the number of a run."""
    command = ["reproduce", "--study", study(), "--data", str(data), "--out", str(tmp_path / "output"), "--no-pictures"]
    assert CliRunner().invoke(app, [*command, "--model-num", "2"], catch_exceptions=False).exit_code == 0
    trained = tmp_path / "output" / "little" / "2"
    for name in ("first/mine", "second/mine", "elsewhere/2"):
        shutil.copytree(trained / "model", tmp_path / name)
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    for _ in range(2):  # the same one again is no other
        assert CliRunner().invoke(app, [*command, "--encoder", str(tmp_path / "first/mine")]).exit_code == 0
    for name, message in (
        ("second/mine", "the scores of the encoder .*first/mine"),
        ("elsewhere/2", "a trained model"),
    ):
        refused = CliRunner().invoke(app, [*command, "--encoder", str(tmp_path / name)])
        with pytest.raises(ValueError, match=f"there (is|are) {message}.*; say where to with another --out"):
            raise refused.exception
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


def test_drawn_seeds_are_kept_with_the_result(study, tmp_path, data):
    task = tasks_of(study(metric_seeds="drawn"), tmp_path / "out", data).tasks[0]
    rng = np.random.RandomState(0)
    drawn = [int(rng.randint(2**32, dtype=np.int64)) for _ in range(4)]
    execute(task, work)
    assert results.read(task.folder / "result.json").metric_seeds == {
        "mean": {"mig": drawn[2]},
        "sampled": {"mig": drawn[3]},
    }


def test_another_run_in_the_same_folder_leaves_nothing_of_the_first(study, tmp_path, data):
    command = [
        "reproduce",
        "--study",
        study(),
        "--data",
        str(data),
        "--out",
        str(tmp_path),
        "--model-num",
        "0",
        "--no-pictures",
    ]
    models = []
    for steps in ("2", "3"):
        assert CliRunner().invoke(app, [*command, "--num-steps", steps]).exit_code == 0
        models.append((tmp_path / "little" / "0" / "model" / "encoder.safetensors").read_bytes())
        (tmp_path / "little" / "0" / "pictures").mkdir()
    assert models[0] != models[1]
    assert CliRunner().invoke(app, [*command, "--num-steps", "2"]).exit_code == 0
    assert not (tmp_path / "little" / "0" / "pictures").exists()
