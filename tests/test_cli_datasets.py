import shlex
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from disbench import catalogue
from disbench.cli import app
from disbench.storage import StoreError, open_dataset
from disbench.workspace import verify

runner = CliRunner()


def run(*arguments: object) -> str:
    result = runner.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_list_tells_what_is_here() -> None:
    listed = run("datasets").splitlines()
    assert [line.split()[0] for line in listed[1::2]] == list(catalogue.names("datasets"))
    toy = next(index for index, line in enumerate(listed) if line.startswith("toy "))
    assert listed[toy].split()[-2] == "no"
    assert listed[toy + 1] == "    shape 3, radius 3, position_x 6, position_y 6"
    run("fetch", "toy")
    run("convert", "toy")
    assert run("datasets").splitlines()[toy].split()[-2] == "converted"


def test_own_stores_are_listed_and_described(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), dtype=np.uint8)
    np.save("images.npy", images)
    Path("factors.csv").write_text("row,column\n0,0\n0,1\n0,2\n1,0\n1,1\n1,2\n")
    run("convert", "--images", "images.npy", "--factors", "factors.csv", "--name", "mine")
    *_, first, second = run("datasets").splitlines()
    assert first.split()[:5] == ["mine", "6", "3", "your", "own"]
    assert second == "    row 2, column 3"
    shown = run("datasets", "show", "mine")
    for fact in ("row: 2", "6 of 16 x 16 x 3", "images.npy and factors.csv, given by the user.", "mine.zarr"):
        assert fact in shown
    with pytest.raises(ValueError, match=r"no data set called 'mina'. Did you mean 'mine'\?"):
        run("datasets", "show", "mina")
    Path("data/zarr/mine.zarr/zarr.json").write_text("{}")
    with pytest.raises(OSError, match=r"mine.zarr.*or move it out of data/zarr"):
        run("datasets")


def test_a_damaged_store_of_ones_own_names_the_command_that_makes_it_again() -> None:
    np.save("my images.npy", np.random.default_rng(0).integers(0, 256, (6, 16, 16), dtype=np.uint8))
    Path("factors.csv").write_text("row,column\n0,0\n0,1\n0,2\n1,0\n1,1\n1,2\n")
    command = ["convert", "--images", "my images.npy", "--factors", "factors.csv", "--name", "mine"]
    run(*command, "--nuisance", "column")
    shard = Path("data/zarr/mine.zarr/images/c.0.0.0.0")
    before = shard.read_bytes()
    for content in (bytes([before[0] ^ 1]) + before[1:], b""):
        shard.write_bytes(content)
        (mistake,) = [finding.mistake for finding in verify([Path("data")]) if finding.mistake]
        assert mistake.endswith(f"make it again with `disbench {shlex.join(command)} --nuisance column`")
    run(*command, "--nuisance", "column")
    assert shard.read_bytes() == before
    Path("lab_shades.py").write_text("from disbench.datasets.toy import dataset\n")
    run("convert", "lab_shades:dataset", "--name", "shades", "--out", "elsewhere.zarr")
    Path("elsewhere.zarr/factors/c.0.0").unlink()
    with pytest.raises(StoreError, match="`disbench convert lab_shades:dataset --name shades --out elsewhere.zarr`"):
        open_dataset("elsewhere.zarr")


def test_statistics_are_accepted_on_request(tmp_path: Path) -> None:
    Path("lab_odd.py").write_text(
        "from dataclasses import replace\nfrom disbench.datasets import toy\n"
        "from disbench.datasets._dataset import PixelStatistics\n"
        "dataset = replace(toy.dataset, published=PixelStatistics((0.5,), (0.25,), 0.01))\n"
    )
    with pytest.raises(ValueError, match="convert with --accept-statistics or DISBENCH_ACCEPT_STATISTICS=1"):
        run("convert", "lab_odd:dataset", "--name", "odd")
    run("convert", "lab_odd:dataset", "--name", "odd", "--accept-statistics")
    assert "accepted_in_spite_of" in open_dataset("data/zarr/odd.zarr").attributes


def test_a_set_is_described_with_licence_citation_and_sizes() -> None:
    shown = run("datasets", "show", "shapes3d")
    for fact in ("floor_hue: 10", "480,000", "267.6 MB", "5.9 GB", "Apache-2.0", "C. Burgess", "3dshapes.h5"):
        assert fact in shown
    assert "orientation" in run("datasets", "show", "abstract_dsprites")


def test_previews_are_drawn() -> None:
    run("convert", "toy")
    run("datasets", "preview", "toy", "--out", "pictures")
    assert sorted(path.name for path in Path("pictures").iterdir()) == ["toy.gif", "toy.png"]


def test_raw_files_are_found_where_fetch_puts_them() -> None:
    with pytest.raises(FileNotFoundError, match="cars3d is read from raw files; expected their folder, got"):
        run("convert", "cars3d")
    Path("data/raw/smallnorb").mkdir(parents=True)
    with pytest.raises(
        FileNotFoundError, match=r"lacks smallnorb-.*-training-dat.mat.gz, .*`disbench fetch smallnorb`"
    ):
        run("convert", "smallnorb_unclipped")


def test_own_images_and_own_data_sets_are_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 16, 16), dtype=np.uint8)
    np.savez("images.npz", images=images)
    Path("factors.csv").write_text("row,column\n0,0\n0,1\n0,2\n1,0\n1,1\n1,2\n")
    run("convert", "--images", "images.npz", "--factors", "factors.csv", "--name", "mine", "--nuisance", "column")
    store = open_dataset("data/zarr/mine.zarr")
    np.testing.assert_array_equal(store.load()[..., 0], images)
    assert store.space.factor_names == ("row",)
    Path("lab_data.py").write_text(
        "from dataclasses import replace\nfrom disbench.datasets import toy\n"
        "dataset = replace(toy.dataset, source='A copy of toy.')\n"
    )
    run("convert", "lab_data:dataset", "--out", "own.zarr")
    assert open_dataset("own.zarr").attributes["source"] == "A copy of toy."
    run("convert", "lab_data:dataset", "--name", "copy")
    assert open_dataset("data/zarr/copy.zarr").attributes["name"] == "copy"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either the NAME of a data set, or --images"),
        (["toy", "--images", "a.npy", "--factors", "b.npy"], "give either the NAME of a data set, or --images"),
        (["--images", "a.npy"], "give either the NAME"),
        (["--images", "a.npy", "--factors", "b.npy"], "give your own data set a --name"),
        (["toy", "--name", "cars3d"], "expected a --name that no data set of disbench has; got 'cars3d'"),
        (["dsprites"], "Did you mean 'dsprites_full'?"),
    ],
)
def test_mistakes_are_explained(arguments: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run("convert", *arguments)


def test_only_dsprites_is_verified(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only dsprites_full is rendered"):
        run("datasets", "verify", "cars3d", "x.npz")
    with pytest.raises(ValueError, match="no such file"):
        run("datasets", "verify", "dsprites_full", "x.npz")
