"""Numbers of the reference, and small tables whose scores are known."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from disbench.factors import FactorSpace
from disbench.table import LabelledCodes, RepresentationTable, TrainTest

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(path.stem for path in (GOLDEN / "codes").glob("*.npz"))


@dataclass(frozen=True)
class Golden:
    """Codes and factors, samples first, and what the reference says about them."""

    name: str
    arrays: dict[str, np.ndarray]
    scalars: dict[str, Any]

    @property
    def data(self) -> TrainTest:
        return TrainTest(*(self.arrays[key].T for key in ("mus_train", "ys_train", "mus_test", "ys_test")))

    @property
    def table(self) -> LabelledCodes:
        return LabelledCodes(*self.data)

    def __getitem__(self, key: str) -> np.ndarray:
        return self.arrays[key]


def load(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / name) as archive:
        return dict(archive)


@pytest.fixture(params=CASES)
def golden(request) -> Golden:
    """Every set of codes in turn."""
    scalars = json.loads((GOLDEN / "codes" / "scalars.json").read_text())
    return Golden(request.param, load(f"codes/{request.param}.npz"), scalars[request.param])


@pytest.fixture
def codes_of():
    """Golden codes by name."""
    scalars = json.loads((GOLDEN / "codes" / "scalars.json").read_text())
    return lambda name: Golden(name, load(f"codes/{name}.npz"), scalars[name])


@pytest.fixture(scope="session")
def toy() -> dict[str, RepresentationTable]:
    """Tables of the finite ground truth: factors of sizes 3, 6, 10, 8, 8 and ten latents."""
    space = FactorSpace(("a", "b", "c", "d", "e"), (3, 6, 10, 8, 8))
    tables = load("toy/tables.npz")
    return {
        key.removeprefix("codes/"): RepresentationTable(space, value)
        for key, value in tables.items()
        if key.startswith("codes/")
    }


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    return GOLDEN


@pytest.fixture(scope="session")
def toy_scores() -> dict[str, Any]:
    """The reference's scores of the toy tables."""
    return json.loads((GOLDEN / "toy" / "scores.json").read_text())


@pytest.fixture(scope="session")
def explicit_points() -> dict[str, np.ndarray]:
    """Points that the reference's beta-VAE and FactorVAE scores drew."""
    return load("toy/explicit_points.npz")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def identity() -> RepresentationTable:
    """Four factors of sizes 4, 3, 5 and 6; latent i is factor i."""
    space = FactorSpace(("a", "b", "c", "d"), (4, 3, 5, 6))
    return RepresentationTable.from_codes(space, space.factors(np.arange(space.num_states)))
