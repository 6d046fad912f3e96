import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests import ROOT

from disbench.datasets import dsprites_full, toy
from disbench.datasets._dataset import Block, PixelStatistics
from disbench.stages.convert import convert, convert_dataset
from disbench.storage import StoreError, open_dataset


def test_toy_set_becomes_a_store_that_describes_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    convert("toy", tmp_path / "toy.zarr")
    store = open_dataset(tmp_path / "toy.zarr")
    (block,) = toy.dataset.blocks(None)
    np.testing.assert_array_equal(store.load(), block.images)
    assert store.space == toy.dataset.space
    assert store.attributes["name"] == "toy"
    assert store.attributes["source"] == "Made in memory from the factors."
    pixels = block.images / 255
    np.testing.assert_allclose(store.attributes["pixel_mean"], pixels.mean())
    np.testing.assert_allclose(store.attributes["pixel_std"], pixels.std(axis=(1, 2, 3), ddof=1).mean())
    assert "convert toy: 324 of 324 images (100%)" in capsys.readouterr().err


def test_dsprites_is_converted_with_the_published_statistics(tmp_path: Path) -> None:
    convert("dsprites_full", tmp_path / "dsprites_full.zarr")
    store = open_dataset(tmp_path / "dsprites_full.zarr")
    assert store.checksum == "sha256:3a228f4037ef3d42a42588e0e01f1078aa2df13cfa17584e88c95ed9fb5672da"
    assert hashlib.sha256(store.load()).hexdigest() == store.checksum.removeprefix("sha256:")
    # 128,328,864 white pixels; the published mean stands for two fewer.
    assert store.attributes["pixel_mean"] == pytest.approx([128_328_864 / (737_280 * 4096)], rel=1e-14)
    assert store.attributes["pixel_std"] == pytest.approx([0.1951664588062605], abs=1e-8)
    assert "may differ from the official file" in store.attributes["source"]
    assert store.images([737_279]).shape == (1, 64, 64, 1)
    on_disk = sum(file.stat().st_size for file in store.path.rglob("*") if file.is_file())
    assert on_disk == pytest.approx(dsprites_full.dataset.store_bytes, rel=0.01)
    assert dsprites_full.dataset.space.num_states == 737_280


def test_raw_files_are_read_from_the_folder_given(tmp_path: Path) -> None:
    def blocks(raw: Path | None) -> Iterator[Block]:
        assert raw is not None
        images = np.load(raw / "images.npy")
        for row in reversed(range(len(images))):
            yield Block(np.array([row]), images[row : row + 1])

    images = np.random.default_rng(0).integers(0, 256, (324, 16, 16, 1), dtype=np.uint8)
    np.save(tmp_path / "images.npy", images)
    dataset = replace(toy.dataset, raw=True, blocks=blocks)
    convert_dataset(dataset, "files", tmp_path / "files.zarr", tmp_path)
    np.testing.assert_array_equal(open_dataset(tmp_path / "files.zarr").load(), images)
    with pytest.raises(FileNotFoundError, match="files is read from raw files"):
        convert_dataset(dataset, "files", tmp_path / "files.zarr")


def test_wrong_statistics_leave_no_store(tmp_path: Path) -> None:
    dataset = replace(toy.dataset, published=PixelStatistics(mean=(0.5,), std=(0.25,), tolerance=0.01))
    with pytest.raises(ValueError, match=r"toy: expected pixel mean \(0\.5,\).*got \(0\.1.*--accept-statistics"):
        convert_dataset(dataset, "toy", tmp_path / "toy.zarr")
    assert not list(tmp_path.iterdir())


def test_other_statistics_are_kept_on_request_and_the_store_says_so(tmp_path: Path) -> None:
    dataset = replace(toy.dataset, published=PixelStatistics(mean=(0.5,), std=(0.25,), tolerance=0.01))
    convert_dataset(dataset, "toy", tmp_path / "toy.zarr", accept_statistics=True)
    accepted = open_dataset(tmp_path / "toy.zarr").attributes["accepted_in_spite_of"]
    assert accepted.startswith("expected pixel mean (0.5,)")
    convert_dataset(toy.dataset, "toy", tmp_path / "toy.zarr", accept_statistics=True)
    assert "accepted_in_spite_of" not in open_dataset(tmp_path / "toy.zarr").attributes


def test_reader_that_stops_early_is_told_which_rows_are_missing(tmp_path: Path) -> None:
    def blocks(raw: Path | None) -> Iterator[Block]:
        (block,) = toy.dataset.blocks(raw)
        yield Block(block.rows[:320], block.images[:320])

    with pytest.raises(ValueError, match=r"4 rows \(320, 321, 322, 323\) of 324 not written"):
        convert_dataset(replace(toy.dataset, blocks=blocks), "toy", tmp_path / "toy.zarr")


def run_convert(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "disbench", "convert", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize("num_files", [1, 8, 40])
def test_killed_conversion_leaves_no_store_and_the_next_one_succeeds(tmp_path: Path, num_files: int) -> None:
    out = tmp_path / "dsprites_full.zarr"
    process = run_convert("dsprites_full", "--out", out)
    partial, deadline = tmp_path / ".dsprites_full.zarr.partial" / "images", time.monotonic() + 60
    while len(list(partial.glob("c.*"))) < num_files:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.002)
    process.kill()
    process.wait()
    with pytest.raises(StoreError, match="no store at"):
        open_dataset(out)
    convert("toy", out)
    assert [path.name for path in tmp_path.iterdir()] == ["dsprites_full.zarr"]
    assert open_dataset(out).attributes["name"] == "toy"
