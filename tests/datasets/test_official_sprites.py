import io
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from tests import GOLDEN
from tests.datasets.raw_files import SPRITES, unpack_golden

from disbench.datasets import _official_sprites, dsprites_full, dsprites_noshape
from disbench.factors import FactorSpace

SPACE = FactorSpace(dsprites_full.dataset.space.names, (3, 6, 10, 8, 8))


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack_golden(tmp_path_factory.mktemp("raw")) / "dsprites" / SPRITES


def load(path: Path) -> np.ndarray:
    blocks = list(_official_sprites.blocks(path, SPACE))
    np.testing.assert_array_equal(np.concatenate([block.rows for block in blocks]), np.arange(SPACE.num_states))
    return np.unpackbits(np.concatenate([block.images for block in blocks]), axis=-1)


def test_images_are_those_that_the_reference_returns(official: Path) -> None:
    images = load(official)
    golden = np.load(GOLDEN / "raw" / "dsprites_full.npz")
    for suffix in ("", "2"):
        rows = SPACE.rows(golden[f"factors{suffix}"])
        np.testing.assert_array_equal(images[rows], golden[f"observations{suffix}"][..., 0])


def test_without_shape_as_a_factor_the_reference_shows_one_of_the_shapes(official: Path) -> None:
    images = load(official)
    golden = np.load(GOLDEN / "raw" / "dsprites_noshape.npz")
    assert dsprites_noshape.dataset.space.factor_sizes == tuple(golden["factors_num_values"])
    for factors, observation in zip(golden["factors"], golden["observations"], strict=True):
        candidates = images[SPACE.rows([[shape, *factors] for shape in range(3)])]
        assert (candidates == observation[..., 0]).all(axis=(1, 2)).sum() == 1


def test_the_hdf5_twin_holds_the_same(official: Path, tmp_path: Path) -> None:
    twin = tmp_path / SPRITES.replace(".npz", ".hdf5")
    with np.load(official) as archive, h5py.File(twin, "w") as file:
        file.create_dataset("imgs", data=archive["imgs"], chunks=(2880, 8, 8), compression="gzip")
        file["latents/classes"] = archive["latents_classes"]
    np.testing.assert_array_equal(load(twin), load(official))
    assert _official_sprites.find(tmp_path) == twin
    assert _official_sprites.find(official.parent) == official
    assert _official_sprites.find(tmp_path / "nowhere") is None


def test_the_store_says_whether_images_were_rendered_or_read(official: Path) -> None:
    source = dsprites_full.dataset.source
    assert callable(source)
    assert source(official.parent) == f"The published file {SPRITES}, unchanged."
    assert source(None).startswith("Rendered")


def rewritten(official: Path, out: Path, **arrays: np.ndarray) -> Path:
    with zipfile.ZipFile(official) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.removesuffix(".npy") in arrays:
                file = io.BytesIO()
                np.save(file, arrays[name.removesuffix(".npy")])
                content = file.getvalue()
            new.writestr(name, content)
    return out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"imgs": np.zeros((11_519, 64, 64), np.uint8)}, "11,519 images for a grid of 11,520 states"),
        (
            {"imgs": np.zeros((11_520, 64, 32), np.uint8)},
            r"expected uint8 of shape \(11520, 64, 64\); got uint8 of shape",
        ),
        ({"imgs": np.full((11_520, 64, 64), 255, np.uint8)}, "expected pixels of 0 or 1; got 255"),
        ({"imgs": np.asfortranarray(np.zeros((11_520, 64, 64), np.uint8))}, "expected an array in C order"),
        ({"imgs": np.array(None)}, "a single value for a grid of 11,520"),
        ({"latents_classes": np.zeros((11_520, 6), np.int64)}, "expected 3 values of shape; got 1"),
        ({"latents_classes": np.zeros((12, 6), np.int64)}, "factors of shape"),
        ({"latents_classes": np.array([[None]])}, "Object arrays cannot be loaded"),
    ],
)
def test_a_file_that_is_not_the_published_one_is_refused(
    official: Path, tmp_path: Path, change: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        load(rewritten(official, tmp_path / SPRITES, **change))


def test_rows_in_another_order_are_refused(official: Path, tmp_path: Path) -> None:
    with np.load(official) as archive:
        classes = archive["latents_classes"]
    classes[[17, 18]] = classes[[18, 17]]
    with pytest.raises(ValueError, match=r"row 17 has position_y 2, which is not the grid in C order"):
        load(rewritten(official, tmp_path / SPRITES, latents_classes=classes))


def test_factors_larger_than_memory_are_not_read(official: Path, tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<i8", "fortran_order": False, "shape": (10**10, 6)})
    with zipfile.ZipFile(tmp_path / SPRITES, "w") as archive:
        archive.writestr("latents_classes.npy", header.getvalue())
    with pytest.raises(ValueError, match="480,000,000,000 bytes, at most 268,435,456 are read"):
        load(tmp_path / SPRITES)
    with h5py.File(tmp_path / f"{Path(SPRITES).stem}.hdf5", "w") as file:
        file.create_dataset("latents/classes", (10**10, 6), np.int64, chunks=(1000, 6))
    with pytest.raises(ValueError, match="480,000,000,000 bytes, at most 268,435,456 are read"):
        load(tmp_path / f"{Path(SPRITES).stem}.hdf5")


@pytest.mark.parametrize("share", [0.3, 0.999])
def test_truncated_and_corrupt_files_are_named(official: Path, tmp_path: Path, share: float) -> None:
    content = official.read_bytes()
    damaged = tmp_path / SPRITES
    damaged.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=f"{SPRITES} is damaged or truncated"):
        load(damaged)
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 4
    damaged.write_bytes(flipped)
    with pytest.raises(ValueError, match=f"{SPRITES} is damaged or truncated"):
        load(damaged)
