from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from tests import ROOT

from disbench.datasets import toy
from disbench.models import Vae, save_model
from disbench.stages.convert import convert_dataset
from disbench.stages.postprocess import postprocess
from disbench.storage import open_dataset, open_table
from disbench.table import RepresentationTable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A toy set in random colours and an untrained encoder of it."""
    convert_dataset(replace(toy.dataset, observation="color"), "toy", tmp_path / "toy.zarr")
    save_model(tmp_path / "model", Vae("conv", (16, 16, 3), 4, torch.Generator().manual_seed(0)), {})
    return tmp_path


def table_of(folder: Path, seed: int = 0, **settings: int) -> RepresentationTable:
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["postprocess"] |= settings
    content["train"] |= {"seed": seed, "precision": "float32"}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    paths = {"store_path": folder / "toy.zarr", "model": folder / "model", "table_path": folder / "table.zarr"}
    postprocess(params_path=folder / "params.yaml", **paths)
    return open_table(folder / "table.zarr")


def test_every_state_is_encoded_once_by_default(folder: Path) -> None:
    first, again, other = table_of(folder), table_of(folder), table_of(folder, seed=1)
    assert first.space == open_dataset(folder / "toy.zarr").space
    np.testing.assert_array_equal(first.mean, again.mean)
    assert (first.mean != other.mean).any()


def test_more_observations_on_request_are_drawn_by_every_metric(folder: Path) -> None:
    once, thrice = table_of(folder), table_of(folder, num_observations=3)
    assert thrice.space.factor_names == once.space.factor_names
    means = thrice.mean.reshape(3, *once.mean.shape)
    np.testing.assert_allclose(means[0], once.mean, rtol=1e-5, atol=1e-7)
    assert (np.ptp(means, axis=0) > 0).any(axis=1).all()
    rng = np.random.default_rng(0)
    rows = thrice.redraw_others(np.zeros(3000, np.int64), 0, rng)
    assert (thrice.factors(rows)[:, 0] == 0).all()
    counts = np.bincount(rows // len(once.mean), minlength=3)
    assert (np.abs(counts - 1000) < 5 * np.sqrt(3000 * 2 / 9)).all()
