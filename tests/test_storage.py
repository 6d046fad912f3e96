import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from disbench.factors import FactorSpace
from disbench.storage import (
    StoreError,
    create_dataset,
    open_dataset,
    open_table,
    read_attributes,
    unpack,
    write_table,
)
from disbench.table import RepresentationTable

SPACE = FactorSpace(("shape", "hue", "noise"), (5, 300, 4), nuisance=("noise",))  # 6,000 rows: two shards of 4096
BITS_SPACE = FactorSpace(("shape", "position"), (2, 9000))  # 18,000 rows: two shards of 16384

KILLED = """
import os, sys
import numpy as np
from disbench.factors import FactorSpace
from disbench.storage import create_dataset

space = FactorSpace(("shape", "hue", "noise"), (5, 300, 4), nuisance=("noise",))
with create_dataset(sys.argv[1], space, (8, 6, 3), binary=False) as writer:
    writer.write(np.arange(5000), np.ones((5000, 8, 6, 3), np.uint8))
    os._exit(9)
"""


def make_images(space: FactorSpace, *row_shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (space.num_states, *row_shape), dtype=np.uint8)


def write(path: Path, images: np.ndarray, rows: np.ndarray | None = None, **attributes: Any) -> None:
    """Write images of the test grid in blocks of 1,000, in any order of rows."""
    rows = np.arange(SPACE.num_states) if rows is None else rows
    with create_dataset(path, SPACE, (8, 6, 3), binary=False) as writer:
        for start in range(0, len(rows), 1000):
            block = rows[start : start + 1000]
            writer.write(block, images[block])
        writer.attributes.update(attributes)


def tree(path: Path) -> dict[str, str]:
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return make_images(SPACE, 8, 6, 3)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory, images: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("stores") / "set.zarr"
    write(path, images, source="made for a test", pixel_mean=[0.5])
    return path


@pytest.fixture
def store(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "set.zarr"))


def test_images_come_back_with_their_description(store: Path, images: np.ndarray) -> None:
    opened = open_dataset(store)
    assert opened.space == SPACE
    assert opened.image_shape == (8, 6, 3)
    assert not opened.binary
    assert opened.attributes["source"] == "made for a test"
    assert opened.checksum == "sha256:" + hashlib.sha256(images).hexdigest()
    np.testing.assert_array_equal(opened.load(), images)
    rows = np.array([5999, 0, 4096, 4095, 0, 17])
    np.testing.assert_array_equal(opened.images(rows), images[rows])
    np.testing.assert_array_equal(opened.read(4000, 4200), images[4000:4200])
    assert opened.images(np.arange(0)).shape == (0, 8, 6, 3)
    assert opened.read(7, 7).shape == (0, 8, 6, 3)


def test_binary_images_are_stored_packed_and_come_back_as_0_and_255(tmp_path: Path) -> None:
    packed = make_images(BITS_SPACE, 4, 2)
    with create_dataset(tmp_path / "bits.zarr", BITS_SPACE, (4, 16, 1), binary=True) as writer:
        writer.write(np.arange(18_000), packed)
    opened = open_dataset(tmp_path / "bits.zarr")
    assert opened.binary
    np.testing.assert_array_equal(opened.load(), packed)
    found = opened.images([17_000, 3])
    assert found.dtype == np.uint8
    expected = [[[[255 * (byte >> bit & 1)] for byte in row for bit in range(7, -1, -1)] for row in image]
                for image in packed[[17_000, 3]].tolist()]  # fmt: skip
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(unpack(packed[:2]), opened.images([0, 1]))


def test_other_tools_find_named_dimensions_and_the_factors_of_each_row(store: Path) -> None:
    group = zarr.open_group(store, mode="r")
    factors = group["factors"]
    assert isinstance(factors, zarr.Array)
    assert group["images"].metadata.dimension_names == ("row", "height", "width", "channel")
    assert factors.metadata.dimension_names == ("row", "factor")
    assert factors.attrs["names"] == ["shape", "hue", "noise"]
    np.testing.assert_array_equal(factors[:], SPACE.states(np.arange(6000)))
    assert group["images"].attrs["coordinates"] == "factors"


def test_order_of_blocks_and_of_attributes_does_not_change_a_byte(tmp_path: Path, images: np.ndarray) -> None:
    write(tmp_path / "a.zarr", images, one=1, two={"b": 1, "a": 2})
    shuffled = np.random.default_rng(1).permutation(6000)
    write(tmp_path / "b.zarr", images, shuffled, two={"a": 2, "b": 1}, one=1)
    assert tree(tmp_path / "a.zarr") == tree(tmp_path / "b.zarr")
    assert len(tree(tmp_path / "a.zarr")) == 6


def test_black_images_are_stored_like_any_other(tmp_path: Path) -> None:
    write(tmp_path / "black.zarr", np.zeros((6000, 8, 6, 3), np.uint8))
    assert not open_dataset(tmp_path / "black.zarr").load().any()


def test_writing_again_replaces_the_store(store: Path, images: np.ndarray) -> None:
    write(store, 255 - images)
    np.testing.assert_array_equal(open_dataset(store).load(), 255 - images)
    assert [entry.name for entry in store.parent.iterdir()] == ["set.zarr"]


def test_failed_write_keeps_the_old_store_and_leaves_nothing_else(store: Path, images: np.ndarray) -> None:
    before = tree(store)
    with pytest.raises(ValueError, match="written twice"):
        write(store, images, np.r_[np.arange(5000), 0])
    assert tree(store) == before
    assert [entry.name for entry in store.parent.iterdir()] == ["set.zarr"]


def test_killed_write_leaves_nothing_that_opens_and_the_next_one_cleans_up(tmp_path: Path, images: np.ndarray) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path / "set.zarr"], env=environment, check=False)
    assert killed.returncode == 9
    (leftover,) = tmp_path.iterdir()
    for path in (tmp_path / "set.zarr", leftover):
        with pytest.raises(StoreError):
            open_dataset(path)
    write(tmp_path / "set.zarr", images)
    assert [entry.name for entry in tmp_path.iterdir()] == ["set.zarr"]


def test_a_folder_that_is_no_store_is_not_replaced(tmp_path: Path, images: np.ndarray) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="remove it yourself"):
        write(tmp_path, images)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.arange(10, 5990), r"set\.zarr: 20 rows \(0, 1, 2, 3, 4, \.\.\.\) of 6,000 not written"),
        (np.delete(np.arange(6000), 77), r"1 row \(77\) of 6,000 not written"),
        (np.r_[np.arange(6000), 4100], r"1 row \(4100\) written twice"),
        (np.r_[3, 3, np.arange(6000)], r"1 row \(3\) written twice"),
    ],
)
def test_every_row_is_written_exactly_once(tmp_path: Path, images: np.ndarray, rows: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write(tmp_path / "set.zarr", images, rows)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("rows", "images", "message"),
    [
        ([0, 1], np.zeros((2, 8, 6), np.uint8), r"expected uint8 images of shape \(2, 8, 6, 3\).*got uint8 of shape"),
        ([0, 1], np.zeros((3, 8, 6, 3), np.uint8), r"for 2 rows; got uint8 of shape \(3, 8, 6, 3\)"),
        ([0], np.zeros((1, 8, 6, 3), np.float32), "got float32"),
        ([6000], np.zeros((1, 8, 6, 3), np.uint8), r"6,000 to 6,000 for a grid of 6,000 states \(5 x 300 x 4\)"),
        ([-1], np.zeros((1, 8, 6, 3), np.uint8), "rows -1 to -1"),
        ([0.0], np.zeros((1, 8, 6, 3), np.uint8), "integer rows of one dimension; got float64"),
        ([[0]], np.zeros((1, 8, 6, 3), np.uint8), r"of shape \(1, 1\)"),
    ],
)
def test_blocks_of_another_shape_are_refused(tmp_path: Path, rows: Any, images: np.ndarray, message: str) -> None:
    with (
        pytest.raises(ValueError, match=message),
        create_dataset(tmp_path / "set.zarr", SPACE, (8, 6, 3), binary=False) as writer,
    ):
        writer.write(np.array(rows), images)


def test_binary_images_need_one_channel_and_whole_bytes(tmp_path: Path) -> None:
    for shape in [(8, 12, 1), (8, 8, 3)]:
        with (
            pytest.raises(ValueError, match="binary images of one channel"),
            create_dataset(tmp_path / "set.zarr", SPACE, shape, binary=True),
        ):
            pass


@pytest.mark.parametrize("attributes", [{"checksum": "mine"}, {"value": np.float32(1)}, {"value": float("nan")}])
def test_attributes_are_json_and_do_not_hide_those_of_the_store(
    tmp_path: Path, images: np.ndarray, attributes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="attributes"):
        write(tmp_path / "set.zarr", images, **attributes)


def test_rows_outside_the_grid_are_refused_at_reading(store: Path) -> None:
    opened = open_dataset(store)
    with pytest.raises(ValueError, match="rows 6,000 to 6,000"):
        opened.images([6000])
    with pytest.raises(ValueError, match="stop <= 6000"):
        opened.read(0, 6001)


def test_missing_shard_is_named_when_the_store_is_opened(store: Path) -> None:
    opened = open_dataset(store)
    (store / "images" / "c.1.0.0.0").unlink()
    with pytest.raises(StoreError, match=r"images lacks 1 of 2 files: c\.1\.0\.0\.0; .*convert@set"):
        open_dataset(store)
    np.testing.assert_array_equal(opened.read(0, 4096), opened.images(np.arange(4096)))
    with pytest.raises(StoreError, match=r"c\.1\.0\.0\.0 is missing or empty"):
        opened.load()


@pytest.mark.parametrize("position", [0.0, 0.3, 0.6, 0.9999])
def test_flipped_bit_in_a_shard_is_noticed_and_named(store: Path, position: float) -> None:
    flip(store / "images" / "c.1.0.0.0", position)
    opened = open_dataset(store)
    opened.read(0, 4096)
    with pytest.raises(StoreError, match=r"images/c\.1\.0\.0\.0 is damaged.*convert@set"):
        opened.load()
    with pytest.raises(StoreError, match=r"images/c\.1\.0\.0\.0 is damaged"):
        opened.images(np.arange(4000, 6000))


def test_truncated_shard_is_noticed_and_named(store: Path) -> None:
    file = store / "images" / "c.0.0.0.0"
    opened = open_dataset(store)
    for size, fault in ((file.stat().st_size // 2, "damaged"), (1, "damaged"), (0, "missing or empty")):
        os.truncate(file, size)
        with pytest.raises(StoreError, match=rf"images/c\.0\.0\.0\.0 is {fault}"):
            opened.load()
    with pytest.raises(StoreError, match="lacks 1 of 2 files"):
        open_dataset(store)


@pytest.mark.parametrize("name", ["zarr.json", "images/zarr.json", "factors/zarr.json"])
def test_flipped_bit_in_metadata_is_noticed_and_named_or_changes_nothing(store: Path, name: str) -> None:
    # Without a checksum of the metadata, one bit of the shards' size makes their names unknown and all pixels 0.
    described = open_dataset(store).attributes
    file = store / name
    whole = file.read_bytes()
    named = 0
    for position in range(0, len(whole), 7):
        file.write_bytes(whole)
        flip(file, position / len(whole))
        try:
            assert open_dataset(store).attributes == described
        except StoreError as error:
            assert str(store) in str(error)  # noqa: PT017
            named += 1
    assert named > 0.9 * len(range(0, len(whole), 7))


def test_foreign_and_missing_stores_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store at"):
        open_dataset(tmp_path / "nothing.zarr")
    zarr.create_group(tmp_path / "foreign.zarr")
    with pytest.raises(StoreError, match="does not describe a finished store"):
        open_dataset(tmp_path / "foreign.zarr")


def flip(file: Path, position: float) -> None:
    content = bytearray(file.read_bytes())
    content[int(position * len(content))] ^= 1
    file.write_bytes(content)


@pytest.fixture
def table() -> RepresentationTable:
    rng = np.random.default_rng(2)
    mean, log_variance = rng.standard_normal((2, SPACE.num_states, 10), dtype=np.float32)
    return RepresentationTable(SPACE, mean, log_variance, kind="sampled")


def test_table_comes_back_as_it_was(tmp_path: Path, table: RepresentationTable) -> None:
    write_table(tmp_path / "table.zarr", table, {"encoder": "sha256:00", "steps": 300})
    found = open_table(tmp_path / "table.zarr")
    assert (found.space, found.kind) == (table.space, "sampled")
    assert table.log_variance is not None
    assert found.log_variance is not None
    for one, other in ((found.mean, table.mean), (found.log_variance, table.log_variance)):
        assert one.dtype == np.float32
        np.testing.assert_array_equal(one, other)
    attributes = read_attributes(tmp_path / "table.zarr")
    assert (attributes["encoder"], attributes["steps"], attributes["kind"]) == ("sha256:00", 300, "sampled")


def test_table_without_log_variance_comes_back_without(tmp_path: Path, table: RepresentationTable) -> None:
    write_table(tmp_path / "table.zarr", RepresentationTable(SPACE, table.mean), {})
    assert open_table(tmp_path / "table.zarr").log_variance is None


def test_writing_a_table_twice_gives_the_same_bytes(tmp_path: Path, table: RepresentationTable) -> None:
    for _ in range(2):
        write_table(tmp_path / "a.zarr", table, {"b": 1, "a": 2})
    write_table(tmp_path / "b.zarr", table, {"a": 2, "b": 1})
    assert tree(tmp_path / "a.zarr") == tree(tmp_path / "b.zarr")


def test_table_of_doubles_is_refused_rather_than_rounded(tmp_path: Path, table: RepresentationTable) -> None:
    with pytest.raises(ValueError, match="expected float32 values of mean; got float64"):
        write_table(tmp_path / "table.zarr", RepresentationTable(SPACE, table.mean.astype(np.float64)), {})


@pytest.mark.parametrize("name", ["mean", "log_variance"])
def test_damaged_table_names_the_file(tmp_path: Path, table: RepresentationTable, name: str) -> None:
    write_table(tmp_path / "table.zarr", table, {})
    file = tmp_path / "table.zarr" / name / "c.0.0"
    flip(file, 0.5)
    with pytest.raises(StoreError, match=rf"{name}/c\.0\.0 is damaged.*postprocess"):
        open_table(tmp_path / "table.zarr")
    file.unlink()
    with pytest.raises(StoreError, match=rf"{name} lacks 1 of 1 files: c\.0\.0"):
        open_table(tmp_path / "table.zarr")


def test_images_are_not_opened_as_a_table_nor_a_table_as_images(
    store: Path, tmp_path: Path, table: RepresentationTable
) -> None:
    write_table(tmp_path / "table.zarr", table, {})
    with pytest.raises(StoreError, match=r"'disbench table', 2.*got.*'disbench images'"):
        open_table(store)
    with pytest.raises(StoreError, match=r"'disbench images', 2.*got.*'disbench table'"):
        open_dataset(tmp_path / "table.zarr")


def test_a_store_of_an_older_format_is_refused_with_what_to_run(
    tmp_path: Path, table: RepresentationTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("disbench.storage._arrays.FORMAT_VERSION", 1)
        write_table(tmp_path / "table.zarr", table, {})
    with pytest.raises(StoreError, match=r"got \('disbench table', 1\); make it again with `dvc repro postprocess`"):
        open_table(tmp_path / "table.zarr")
