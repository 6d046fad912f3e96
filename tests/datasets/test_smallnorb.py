import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests import GOLDEN
from tests.datasets.raw_files import unpack_golden, write_matrix, write_norb

from disbench.datasets import _norb, smallnorb, smallnorb_unclipped
from disbench.datasets._resize import shrink_unclipped
from disbench.stages.convert import convert_dataset
from disbench.storage import open_dataset

SPACE = _norb.SPACE


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the reference's loader has read, compressed as they are published; 24 x 24 pixels."""
    raw = unpack_golden(tmp_path_factory.mktemp("raw")) / "small_norb"
    for path in list(raw.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
        path.unlink()
    return raw


@pytest.fixture(scope="module")
def originals(folder: Path) -> np.ndarray:
    """The left camera's images (48600, 24, 24, 1) in the order of the grid."""
    images = np.zeros((SPACE.num_states, 24, 24, 1), np.uint8)
    seen = np.zeros(SPACE.num_states, int)
    for rows, block in _norb.blocks(folder, 24):
        images[rows] = block
        np.add.at(seen, rows, 1)
    assert (seen == 1).all()
    return images


@pytest.mark.parametrize("suffix", ["", "2"])
def test_images_are_those_that_the_reference_returns(originals: np.ndarray, suffix: str) -> None:
    golden = np.load(GOLDEN / "raw" / "smallnorb.npz")
    assert SPACE.factor_sizes == tuple(golden["factors_num_values"])
    for factors, observation in zip(golden[f"factors{suffix}"], golden[f"observations{suffix}"], strict=True):
        category, *others = factors
        instances = originals[SPACE.rows([[category, instance, *others] for instance in range(10)])]
        same = shrink_unclipped(instances) == np.rint(255 * observation)
        # The reference draws the instance: exactly one of the ten is what it showed, unless they are all alike.
        assert same.all(axis=(1, 2, 3)).sum() == (1 if (instances != instances[0]).any() else 10)


def test_values_overshoot_as_in_the_reference() -> None:
    golden = np.load(GOLDEN / "raw" / "smallnorb.npz")
    first = shrink_unclipped(golden["first_raw_int8"].view(np.uint8)[..., None])
    np.testing.assert_array_equal(first[..., 0], np.rint(255 * golden["first_images"]))
    assert first.max() == 263


def test_only_what_overshoots_is_clipped() -> None:
    values = shrink_unclipped(np.random.default_rng(0).integers(0, 256, (4, 96, 96, 1), dtype=np.uint8))
    assert values.min() < 0
    assert values.max() > 255
    stored = smallnorb_unclipped.split(values)
    np.testing.assert_array_equal(stored[..., :1], values.clip(0, 255))
    np.testing.assert_array_equal(stored[..., :1].astype(int) + stored[..., 1:] - 128, values)


def test_wrong_files_get_the_right_message(folder: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for path in folder.iterdir():
        (raw / path.name).symlink_to(path)
    first = _norb.SPLITS[0]

    def replaced(kind: str, message: str, error: type[Exception] = ValueError) -> None:
        with pytest.raises(error, match=message):
            list(_norb.blocks(raw, 24))
        path = raw / f"{first}-{kind}.mat.gz"
        path.unlink(missing_ok=True)
        path.symlink_to(folder / path.name)

    def write(kind: str, magic: int, values: np.ndarray) -> None:
        (raw / f"{first}-{kind}.mat.gz").unlink()
        write_matrix(raw / f"{first}-{kind}.mat.gz", magic, values)

    with gzip.open(raw / f"{first}-info.mat.gz") as file:
        info = np.frombuffer(file.read()[20:], "<i4").reshape(24300, 4).copy()
    (raw / f"{first}-dat.mat.gz").unlink()
    replaced("dat", f"{first}-dat.mat.gz", FileNotFoundError)
    write("dat", 0x1E3D4C55, np.zeros((24299, 2, 24, 24), np.uint8))
    replaced("dat", r"expected a binary matrix .*24300, 2, 24, 24.*got .*24299, 2, 24, 24")
    write("dat", 0x1E3D4C54, np.zeros((24300, 2, 24, 24), np.uint8))
    replaced("dat", "0x1e3d4c55.*got.*0x1e3d4c54")
    write("cat", 0x1E3D4C54, np.full(24300, 5, "<i4"))
    replaced("cat", r"info: expected states in \[0, size\)")
    write("info", 0x1E3D4C54, info + np.array([0, 0, 1, 0], "<i4"))
    replaced("info", "expected azimuths 0, 2, ..., 34; got odd ones")
    path = raw / f"{first}-dat.mat.gz"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: len(content) // 2])
    replaced("dat", "dat.mat.gz is damaged or truncated")
    path.unlink()
    path.write_bytes(content[:-8] + b"\0\0\0\0" + content[-4:])
    replaced("dat", "CRC check failed")


def test_a_state_that_comes_twice_leaves_no_store(folder: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    for path in folder.iterdir():
        kind = path.name.split("-")[-1]
        (raw / path.name).symlink_to(folder / f"{_norb.SPLITS[0]}-{kind}")
    dataset = replace(smallnorb.dataset, blocks=lambda raw: smallnorb.blocks(raw, 24), published=None)
    with pytest.raises(ValueError, match=r"smallnorb.zarr: 1,024 rows \(.*\) written twice"):
        convert_dataset(dataset, "smallnorb", tmp_path / "smallnorb.zarr", raw)
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


@pytest.mark.slow
def test_files_of_full_size_become_a_store(tmp_path: Path) -> None:
    found = write_norb(tmp_path, 96)
    convert_dataset(replace(smallnorb.dataset, published=None), "smallnorb", tmp_path / "smallnorb.zarr", tmp_path)
    store = open_dataset(tmp_path / "smallnorb.zarr")
    for row in (0, 24_300, 48_599):
        picture = Image.fromarray(found["images"][row, 0].astype(np.int32)).resize((64, 64), Image.Resampling.LANCZOS)
        np.testing.assert_array_equal(store.images([row])[0, :, :, 0], np.asarray(picture).clip(0, 255))
