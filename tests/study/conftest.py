import os

import numpy as np
import pytest
import yaml

from disbench import storage
from disbench.factors import FactorSpace

SPACE = FactorSpace(("shape", "position_x"), (3, 8))


def write_store(path, seed=0):
    """24 images of 16 x 16 pixels."""
    images = np.random.default_rng(seed).integers(256, size=(SPACE.num_states, 16, 16, 1), dtype=np.uint8)
    with storage.create_dataset(path, SPACE, (16, 16, 1), binary=False) as writer:
        writer.write(np.arange(SPACE.num_states), images)
        writer.require_all_rows()
        writer.attributes.update(name=path.stem, observation="plain")


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Folder of two small stores."""
    folder = tmp_path_factory.mktemp("stores")
    for seed, name in enumerate(("tiny", "small")):
        write_store(folder / f"{name}.zarr", seed)
    return folder


@pytest.fixture
def study(tmp_path):
    """Write a study file: 2 data sets x 2 settings x 2 seeds of a few steps, but for what is changed."""

    def write(**changes):
        content = {
            "name": "little",
            "datasets": ["tiny", "small"],
            "objectives": {"beta_vae": {"beta": [1, 4]}},
            "seeds": 2,
            "train": {"num_steps": 4, "batch_size": 8, "num_latents": 3, "architecture": "fc", "log_every": 2},
            "representations": ["mean", "sampled"],
            "metrics": {"mig": {"num_train": 100}},
        } | changes
        path = tmp_path / "little.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return str(path)

    return write


@pytest.fixture(autouse=True)
def _workers_find_the_tests(monkeypatch):
    from tests import ROOT

    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}:{ROOT}:{os.environ.get('PYTHONPATH', '')}")
