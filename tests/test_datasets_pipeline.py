"""From raw files in the published formats to scores, as a user runs it; the files are served on loopback.

Cars3D and SmallNORB have all their images. Of 3D Shapes and dSprites the grid is made smaller in the repository of the
test: half a million images take minutes to encode, and `tests/datasets` converts all of them.
"""

import hashlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml

from disbench import catalogue
from disbench.datasets import shapes3d
from disbench.factors import FactorSpace
from disbench.storage import open_dataset, open_table
from tests.datasets.raw_files import CARS, car, write_cars, write_norb
from tests.datasets.test_grid_files import labels_of, numbered_images
from tests.datasets.test_scream_dsprites import picture
from tests.http_server import serving
from tests.test_pipeline import Repository

DATASETS = "src/disbench/datasets"
SPRITES = [name for name in catalogue.names("datasets") if "dsprites" in name]
SMALLER = {  # file, sizes of the grid, smaller ones
    "shapes3d": ("shapes3d.py", (10, 10, 10, 8, 4, 15), (4, 3, 2, 8, 4, 5)),
    **dict.fromkeys(SPRITES, ("_dsprites.py", (3, 6, 40, 32, 32), (3, 2, 4, 4, 8))),
}
TARGETS = ("evaluate@mig", "visualize")  # the other metrics and the report see no more of a set than these
SOURCES = f"{DATASETS}/sources.yaml"


def write_raw_cars3d(folder: Path) -> None:
    names = [f"car_{number:03d}_mesh" for number in range(1, 184)]
    write_cars(folder / CARS, {name: car(seed) for seed, name in enumerate(names)}, names)


def write_raw_smallnorb(folder: Path) -> None:
    write_norb(folder, 96)


def write_raw_shapes3d(folder: Path) -> None:
    space = FactorSpace(shapes3d.SPACE.names, SMALLER["shapes3d"][2])
    images = numbered_images(
        0, space.num_states, np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    )
    with h5py.File(folder / "3dshapes.h5", "w") as file:
        file.create_dataset("images", data=images, chunks=(750, 4, 4, 1), compression="gzip")
        file["labels"] = labels_of(space)


def write_raw_scream_dsprites(folder: Path) -> None:
    picture(1200, 1512).save(folder / "scream.jpg")


RAW_FILES = {
    "cars3d": write_raw_cars3d,
    "smallnorb": write_raw_smallnorb,
    "shapes3d": write_raw_shapes3d,
    "scream_dsprites": write_raw_scream_dsprites,
}


def serve_instead(repository: Repository, name: str, folder: Path, url: str) -> None:
    """Point sources.yaml at the files of a folder."""
    sources = yaml.safe_load((repository.path / SOURCES).read_text())
    for file in sources[name]["files"]:
        content = (folder / file["name"]).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        file |= {"urls": [f"{url}/{file['name']}"], "bytes": len(content), "sha256": digest}
        file.pop("md5", None)
    (repository.path / SOURCES).write_text(yaml.safe_dump(sources))


def expect_what_is_served(repository: Repository, name: str) -> None:
    """Other pixel statistics than those of the real data, and for large sets a smaller grid."""
    folder = repository.path / DATASETS
    module = folder / f"{name}.py"
    module.write_text(module.read_text() + "\ndataset = __import__('dataclasses').replace(dataset, published=None)\n")
    if name in SMALLER:
        file, sizes, smaller = SMALLER[name]
        before = (folder / file).read_text()
        assert f"sizes={sizes}" in before
        (folder / file).write_text(before.replace(f"sizes={sizes}", f"sizes={smaller}"))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*RAW_FILES, *SPRITES}))
def test_a_run_starts_with_raw_files_and_ends_with_scores(tmp_path: Path, name: str) -> None:
    raw = tmp_path / "served"
    raw.mkdir()
    RAW_FILES.get(name, lambda folder: None)(raw)
    (tmp_path / "repository").mkdir()
    with serving() as server:
        repository = Repository(tmp_path / "repository")
        if name in RAW_FILES:
            serve_instead(repository, name, raw, server.url)
            server.files = {f"/{path.name}": path.read_bytes() for path in raw.iterdir()}
        expect_what_is_served(repository, name)
        repository.change("dataset", name=name)
        repository.change("train", num_steps=3)
        process = repository.start("repro", *TARGETS)
        output, _ = process.communicate(timeout=3000)
        assert process.returncode == 0, output
        assert len(server.asked) == len(list(raw.iterdir()))
        assert f"fetch@{name}" in output or name not in RAW_FILES
        assert "Running stage" not in repository.dvc("repro", *TARGETS)
    store = open_dataset(repository.path / f"data/zarr/{name}.zarr")
    table = open_table(repository.path / "data/run/table.zarr")
    assert table.space == store.space
    if name in SMALLER and name != "abstract_dsprites":
        assert store.space.sizes == SMALLER[name][2]
    assert len(table.mean) == store.space.num_states
    assert np.isfinite(table.mean).all()
    assert 0 <= repository.scores()["mig"]["discrete_mig"] <= 1
