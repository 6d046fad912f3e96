import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from tests import ROOT

from disbench.datasets._own import own_dataset
from disbench.stages.convert import convert_dataset
from disbench.storage import open_dataset

ORDER = np.random.default_rng(0).permutation(24)
COLORS = ("red", "green", "blue")
STATES = np.stack(np.unravel_index(ORDER, (4, 3, 2)), axis=1)
IMAGES = np.random.default_rng(1).integers(0, 256, (24, 10, 12, 3), dtype=np.uint8)


def write_factors(folder: Path, names: bool = True) -> Path:
    # Colours rank alphabetically: blue 0, green 1, red 2.
    lines = [f"{[0.5, 1, 2, 10][size]},{sorted(COLORS)[color]},{-side}" for size, color, side in STATES]
    path = folder / "factors.csv"
    path.write_text("\n".join((["size, color, side"] if names else []) + lines) + "\n")
    return path


def expected() -> np.ndarray:
    images = np.empty_like(IMAGES)
    images[np.ravel_multi_index((STATES[:, 0], STATES[:, 1], 1 - STATES[:, 2]), (4, 3, 2))] = IMAGES
    return images


def write_images(folder: Path, kind: str, images: np.ndarray = IMAGES) -> Path:
    path = folder / f"images{kind}"
    if kind == ".npy":
        np.save(path, images)
    elif kind == ".npz":
        np.savez_compressed(path, anything=images)
    elif kind == ".h5":
        with h5py.File(path, "w") as file:
            file["images"], file["labels"] = images, np.zeros(3)
    else:
        path.mkdir()
        for index, image in enumerate(images):
            Image.fromarray(image.squeeze()).save(path / f"{index:03d}.png")
    return path


@pytest.mark.parametrize("kind", [".npy", ".npz", ".h5", ""])
@pytest.mark.parametrize("channels", [1, 3])
def test_own_images_become_a_store_in_the_order_of_the_grid(tmp_path: Path, kind: str, channels: int) -> None:
    images = write_images(tmp_path, kind, IMAGES[..., :channels])
    dataset = own_dataset(images, write_factors(tmp_path), nuisance=("side",))
    convert_dataset(dataset, "mine", tmp_path / "mine.zarr")
    store = open_dataset(tmp_path / "mine.zarr")
    assert store.space.names == ("size", "color", "side")
    assert store.space.sizes == (4, 3, 2)
    assert store.space.nuisance == ("side",)
    np.testing.assert_array_equal(store.load(), expected()[..., :channels])
    assert store.attributes["source"] == f"images{kind} and factors.csv, given by the user."


def test_factors_without_names_get_numbers(tmp_path: Path) -> None:
    factors = write_factors(tmp_path, names=False)
    images = write_images(tmp_path, ".npy", IMAGES[..., 0])
    assert own_dataset(images, factors).space.names == ("factor_0", "factor_1", "factor_2")
    np.save(tmp_path / "factors.npy", STATES * [0.3, 2, 1])
    dataset = own_dataset(images, tmp_path / "factors.npy")
    assert dataset.space.sizes == (4, 3, 2)
    assert dataset.image_shape == (10, 12, 1)


def refused(folder: Path, message: str, images: np.ndarray = IMAGES, factors: np.ndarray = STATES) -> None:
    np.save(folder / "factors.npy", factors)
    with pytest.raises(ValueError, match=message):
        own_dataset(write_images(folder, ".npy", images), folder / "factors.npy")


def test_what_is_no_full_grid_is_refused_with_an_example(tmp_path: Path) -> None:
    example = "factor_0 {}, factor_1 {}, factor_2 {}".format(*STATES[-1])
    refused(
        tmp_path,
        f"expected every one of 4 x 3 x 2 = 24 combinations once in 23 lines; 1 come never, such as {example}",
        factors=STATES[:-1],
    )
    double = np.concatenate([STATES, STATES[:1]])
    example = "factor_0 {}, factor_1 {}, factor_2 {}".format(*STATES[0])
    refused(tmp_path, f"in 25 lines; 1 come more than once, such as {example}", factors=double)
    refused(tmp_path, "images.npy has 23 images, .*factors.npy factors of 24", images=IMAGES[:-1])


def test_an_example_is_told_in_the_users_words(tmp_path: Path) -> None:
    factors = write_factors(tmp_path)
    lines = factors.read_text().splitlines()
    factors.write_text("\n".join(line for line in lines if line != "2.0,green,-1" and line != "2,green,-1"))
    with pytest.raises(ValueError, match=r"such as size 2\.0, color green, side -1\.0"):
        own_dataset(write_images(tmp_path, ".npy"), factors)


def test_wrong_arrays_are_refused(tmp_path: Path) -> None:
    refused(tmp_path, "expected images uint8 .* got float64", images=IMAGES / 255)
    refused(tmp_path, r"got uint8 of shape \(24, 10, 12, 2\)", images=IMAGES[..., :2])
    refused(tmp_path, r"expected factors \(n, num_factors\); got shape \(24,\)", factors=STATES[:, 0])


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    images, factors = write_images(tmp_path, ".npy"), write_factors(tmp_path)

    def message(path: Path, content: bytes | None, expected: str) -> None:
        if content is not None:
            path.write_bytes(content)
        arguments = (images, path) if "factors" in path.name else (path, factors)
        with pytest.raises(ValueError, match=expected):
            own_dataset(*arguments)

    message(tmp_path / "factors.txt", b"1,2", r"expected factors in a \.csv or \.npy; got '\.txt'")
    message(tmp_path / "factors2.csv", b"a,b\n1,2\n1\n", "line 3 has 1 values, the first 2")
    message(tmp_path / "factors2.csv", b"", "is empty")
    message(tmp_path / "factors3.csv", None, "no such file")
    message(tmp_path / "factors.npy", b"nonsense", "not readable as .npy")
    message(tmp_path / "images.zip", b"", "expected a folder or a file that ends in")
    message(tmp_path / "images.npz", b"nonsense", "not readable as .npz")
    message(tmp_path / "images.h5", b"nonsense", "not readable as HDF5")
    message(tmp_path / "pictures.npy", b"nonsense", "not readable as .npy")
    (tmp_path / "empty").mkdir()
    message(tmp_path / "empty", None, "no pictures; expected files that end in")


def test_pictures_of_another_size_are_named(tmp_path: Path) -> None:
    folder = write_images(tmp_path, "")
    Image.fromarray(IMAGES[0, :5]).save(folder / "007.png")
    with pytest.raises(ValueError, match=r"007\.png: expected \(10, 12, 3\) as in 000\.png; got \(5, 12, 3\)"):
        list(own_dataset(folder, write_factors(tmp_path)).blocks(None))


def test_a_compressed_file_in_random_order_is_read_several_times_rather_than_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("disbench.datasets._own._LARGEST_HELD_BYTES", 5 * IMAGES[0].nbytes)
    dataset = own_dataset(write_images(tmp_path, ".npz"), write_factors(tmp_path))
    blocks = list(dataset.blocks(None))
    assert [len(block.rows) for block in blocks] == [5, 5, 5, 5, 4]
    assert all(block.rows.max() - block.rows.min() < 5 for block in blocks)
    convert_dataset(dataset, "mine", tmp_path / "mine.zarr")
    np.testing.assert_array_equal(open_dataset(tmp_path / "mine.zarr").load(), expected())


MEMORY = """
import resource, sys
from pathlib import Path
from disbench.datasets._own import own_dataset
from disbench.stages.convert import convert_dataset
folder = Path(sys.argv[1])
convert_dataset(own_dataset(folder / "images.npz", folder / "factors.npy"), "mine", folder / "mine.zarr")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow
def test_two_gigabytes_compressed_in_random_order_take_less_than_one_of_memory(tmp_path: Path) -> None:
    num = 160_000
    np.save(tmp_path / "factors.npy", np.random.default_rng(0).permutation(num)[:, None])
    pattern = np.arange(1000, dtype=np.uint16).view(np.uint8).reshape(1000, 2).repeat(6144, axis=1)
    with (
        zipfile.ZipFile(tmp_path / "images.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("images.npy", "w", force_zip64=True) as file,
    ):
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (num, 64, 64, 3)})
        for _ in range(0, num, len(pattern)):
            file.write(pattern.data)
    result = subprocess.run(
        [sys.executable, "-c", MEMORY, tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert float(result.stdout) < 1000
