"""A small world: colour images of a grid, a model of them, and a table of codes that are known."""

from pathlib import Path

import numpy as np
import pytest
import torch

from disbench.factors import FactorSpace
from disbench.models import Vae, save_model
from disbench.pictures.model import Model
from disbench.pictures.subject import Subject
from disbench.storage import create_dataset, open_dataset, open_table, write_table
from disbench.table import RepresentationTable

SPACE = FactorSpace(("hue", "column", "row"), (3, 4, 5))
COLORS = np.array([[250, 40, 40], [40, 250, 40], [40, 40, 250]], np.uint8)
NUM_LATENTS = 5


def lively() -> Vae:
    """A model with weights so large that its codes, and what it decodes, vary, as those of an untrained one do not."""
    vae = Vae("conv", (16, 16, 3), NUM_LATENTS, torch.Generator().manual_seed(0))
    for weight in vae.parameters():
        weight.data *= 2.5
    return vae


def write_world(folder: Path, activation: str = "logits") -> Path:
    """A block in one of three colours at one of 4 x 5 places; codes follow the factors, and two latents nothing."""
    images = np.zeros((SPACE.num_states, 16, 16, 3), np.uint8)
    states = SPACE.states(np.arange(SPACE.num_states))
    for image, (hue, column, row) in zip(images, states, strict=True):
        image[3 * row : 3 * row + 3, 4 * column : 4 * column + 4] = COLORS[hue]
    with create_dataset(folder / "blocks.zarr", SPACE, (16, 16, 3), binary=False) as writer:
        writer.write(np.arange(SPACE.num_states), images)
    save_model(folder / "model", lively(), {"train": {"activation": activation}})
    rng = np.random.default_rng(0)
    mean = np.zeros((SPACE.num_states, NUM_LATENTS), np.float32)
    mean[:, [3, 0, 1]] = states - np.array([1, 1.5, 2])  # z3 is the hue, z0 the column, z1 the row
    mean[:, 2] = 0.01 * rng.normal(size=len(mean))
    log_variance = np.tile(np.log(np.float32([0.1, 0.2, 1, 0.3, 1])), (len(mean), 1))
    write_table(folder / "table.zarr", RepresentationTable(SPACE, mean, log_variance), {})
    return folder


@pytest.fixture(scope="session")
def world(tmp_path_factory) -> Path:
    return write_world(tmp_path_factory.mktemp("world"))


def subject_of(folder: Path, seed: int = 0) -> Subject:
    paths = folder / "model", folder / "blocks.zarr", folder / "table.zarr"
    return Subject(Model(paths[0]), open_dataset(paths[1]), open_table(paths[2]), seed, num_points=400)


@pytest.fixture
def subject(world: Path) -> Subject:
    return subject_of(world)
