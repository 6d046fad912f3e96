"""A data set of a user's own, from files and from a module outside the package, through the stages to scores.

DVC starts a process for every stage: the fast test calls the stages themselves, as often as there are kinds of sets.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from disbench.storage import open_dataset, open_table
from tests import ROOT
from tests.test_cli_datasets import run
from tests.test_pipeline import Repository

MODULE = """
import numpy as np
from disbench.datasets._dataset import Block, Dataset
from disbench.factors import FactorSpace

SPACE = FactorSpace(("shade", "column"), (5, 16))


def blocks(raw):
    shade, column = SPACE.states(np.arange(80)).T
    images = np.zeros((80, 16, 16, 1), np.uint8)
    images[np.arange(80), :, column, 0] = 50 * (shade[:, None] + 1)
    yield Block(np.arange(80), images)


dataset = Dataset(SPACE, (16, 16, 1), blocks, "Made for a test.", raw=False)
"""


def disbench(repository: Repository, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "disbench", *arguments],
        cwd=repository.path, env={**os.environ, "PYTHONPATH": "src"}, check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def write_own_files(folder: Path) -> None:
    """Colour images of 32 x 16 pixels in random order, and a line of factors for each."""
    states = np.stack(np.unravel_index(np.random.default_rng(0).permutation(60), (4, 15)), axis=1)
    images = np.zeros((60, 32, 16, 3), np.uint8)
    for image, (shade, line) in zip(images, states, strict=True):
        image[2 * line : 2 * line + 2] = [60 * shade + 60, 90, 10 * line]
    np.savez_compressed(folder / "images.npz", images)
    lines = [f"{shade},{line}" for shade, line in states]
    (folder / "factors.csv").write_text("\n".join(["shade,line", *lines]) + "\n")


def require_whole_run(folder: Path, name: str, sizes: tuple[int, ...]) -> None:
    store = open_dataset(folder / f"data/zarr/{name}.zarr")
    table = open_table(folder / "data/run/table.zarr")
    assert store.space.sizes == sizes
    assert table.space == store.space
    assert store.attributes["name"] == name
    assert np.isfinite(table.mean).all()
    assert 0 <= json.loads((folder / "reports/metrics/mig.json").read_text())["discrete_mig"] <= 1


@pytest.mark.parametrize(
    ("name", "sizes", "convert"),
    [
        ("mine", (4, 15), ["--images", "images.npz", "--factors", "factors.csv", "--name", "mine"]),
        ("shades", (5, 16), ["lab_of_shades:dataset", "--name", "shades"]),
    ],
)
def test_a_set_of_ones_own_goes_through_the_stages_to_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sizes: tuple[int, ...], convert: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_own_files(tmp_path)
    (tmp_path / "lab_of_shades.py").write_text(MODULE)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["dataset"]["name"] = name
    params["train"] |= {"num_steps": 3, "batch_size": 16, "num_latents": 5}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    store, model, table = f"data/zarr/{name}.zarr", "data/run/model", "data/run/table.zarr"
    check = ["check", "--params", "params.yaml", "--dataset", store, "--out", "data/run/checked", "--metric", "mig"]
    with pytest.raises(ValueError, match=f"no data set called '{name}'(.|\n)*convert it first: there is no store at"):
        run(*check)
    run("convert", *convert)
    run(*check)
    given = ["--params", "params.yaml", "--dataset", store, "--model", model]
    run("train", *given, "--checkpoints", "checkpoints", "--log", "reports/train", "--scores", "reports/train.json")
    run("postprocess", *given, "--table", table)
    run("evaluate", "mig", *given[:2], "--table", table, "--scores", "reports/metrics/mig.json")
    require_whole_run(tmp_path, name, sizes)


@pytest.mark.slow
def test_sets_of_ones_own_run_to_scores_in_the_pipeline(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.change("train", num_steps=3)
    refused = repository.dvc("exp", "run", "evaluate", "-S", "dataset.name=mine", fails=True)
    assert "no data set called 'mine'" in refused
    assert "convert it first: there is no store at data/zarr/mine.zarr" in refused
    write_own_files(tmp_path)
    disbench(repository, "convert", "--images", "images.npz", "--factors", "factors.csv", "--name", "mine")
    repository.dvc("exp", "run", "evaluate", "-S", "dataset.name=mine")
    require_whole_run(tmp_path, "mine", (4, 15))
    (tmp_path / "lab_of_shades.py").write_text(MODULE)
    disbench(repository, "convert", "lab_of_shades:dataset", "--name", "shades")
    repository.change("dataset", name="shades")
    assert "Running stage 'train'" in repository.dvc("repro")
    require_whole_run(tmp_path, "shades", (5, 16))
    assert "Running stage" not in repository.dvc("repro")
