"""Runs that the stage trains together against the train stage alone."""

import json
from contextlib import chdir

import pytest
import torch
import yaml
from tests.docs.snippets import small_params

from disbench.models import load_encoder
from disbench.models.store import read_description
from disbench.stages.convert import convert
from disbench.stages.together import RunPaths, train_together
from disbench.stages.train import train


def runs_in(folder, **changes):
    """Two runs that differ in seed and beta."""
    made = []
    for number, beta in enumerate((1.0, 8.0)):
        params = small_params()
        params["train"] |= {"objective": "beta_vae", "seed": number, "num_latents": 3, "architecture": "fc"}
        params["train"] |= changes if number else {}
        params["objectives"]["beta_vae"] = {"beta": beta}
        place = folder / str(number)
        place.mkdir(parents=True)
        (place / "params.yaml").write_text(yaml.safe_dump(params))
        made.append(RunPaths(place / "params.yaml", place / "model", place / "log", place / "train.json"))
    return made


def test_each_run_leaves_what_it_leaves_alone(tmp_path):
    store = tmp_path / "toy.zarr"
    convert("toy", store)
    together, alone = runs_in(tmp_path / "together"), runs_in(tmp_path / "alone")
    with chdir(tmp_path):  # DVCLive looks for a repository around the current folder
        assert train_together(together, store_path=store, checkpoints=tmp_path / "checkpoints") == [None, None]
        for run in alone:
            train(
                params_path=run.params_path, store_path=store, checkpoints=tmp_path / "checkpoints", model=run.model,
                log=run.log, scores_path=run.scores_path,
            )  # fmt: skip
    for one, other in zip(together, alone, strict=True):
        assert json.loads(one.scores_path.read_text()) == pytest.approx(
            json.loads(other.scores_path.read_text()), rel=1e-3, abs=1e-4
        )
        assert read_description(one.model)["description"] == read_description(other.model)["description"]
        for name, value in load_encoder(one.model).state_dict().items():
            torch.testing.assert_close(value, load_encoder(other.model).state_dict()[name], rtol=0, atol=2e-5)
        curves = [sorted(path.name for path in (run.log / "plots" / "metrics").iterdir()) for run in (one, other)]
        assert curves[0] == curves[1] != []
    assert not any((tmp_path / "checkpoints").iterdir())


def test_runs_that_differ_in_more_are_refused(tmp_path):
    runs = runs_in(tmp_path, batch_size=8)
    with pytest.raises(ValueError, match=r"may differ in train\.seed and the objective's hyper-parameters only; got"):
        train_together(runs, store_path=tmp_path / "toy.zarr", checkpoints=tmp_path)
