"""A data set of a user's own, from files and from a module outside the package, through the pipeline to scores."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from disbench.storage import open_dataset, open_table
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


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = Repository(tmp_path_factory.mktemp("own"))
    repository.change("train", num_steps=3)
    return repository


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


def require_whole_run(repository: Repository, name: str) -> None:
    store = open_dataset(repository.path / f"data/zarr/{name}.zarr")
    table = open_table(repository.path / "data/run/table.zarr")
    assert table.space == store.space
    assert store.attributes["name"] == name
    assert np.isfinite(table.mean).all()
    assert 0 <= repository.scores()["mig"]["discrete_mig"] <= 1


def test_images_and_factors_in_files_run_to_scores(repository: Repository) -> None:
    refused = repository.dvc("exp", "run", "evaluate", "-S", "dataset.name=mine", fails=True)
    assert "no data set called 'mine'" in refused
    assert "convert it first: there is no store at data/zarr/mine.zarr" in refused
    write_own_files(repository.path)
    disbench(repository, "convert", "--images", "images.npz", "--factors", "factors.csv", "--name", "mine")
    repository.dvc("exp", "run", "evaluate", "-S", "dataset.name=mine")
    require_whole_run(repository, "mine")
    assert open_dataset(repository.path / "data/zarr/mine.zarr").space.sizes == (4, 15)


def test_a_module_outside_the_package_runs_to_scores(repository: Repository) -> None:
    (repository.path / "lab_data.py").write_text(MODULE)
    disbench(repository, "convert", "lab_data:dataset", "--name", "shades")
    repository.change("dataset", name="shades")
    assert "Running stage 'train'" in repository.dvc("repro")
    require_whole_run(repository, "shades")
    assert "Running stage" not in repository.dvc("repro")
