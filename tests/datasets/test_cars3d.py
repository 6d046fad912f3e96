import gzip
import io
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from tests import GOLDEN
from tests.datasets.raw_files import CARS, car, unpack_golden, write_archive, write_cars

from disbench.datasets import cars3d
from disbench.factors import FactorSpace
from disbench.stages.convert import convert_dataset
from disbench.storage import open_dataset

SPACE = FactorSpace(cars3d.SPACE.names, (4, 24, 4))
NAMES = [f"car_00{number}_mesh" for number in (1, 2, 3, 4)]


@pytest.fixture(scope="module")
def cars(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = unpack_golden(tmp_path_factory.mktemp("raw")) / "cars"
    return {path.stem: path.read_bytes() for path in sorted(folder.iterdir())}


def load(folder: Path) -> np.ndarray:
    images = np.zeros((SPACE.num_states, 64, 64, 3), np.uint8)
    for rows, block in cars3d.blocks(folder, SPACE):
        images[rows] = block
    return images


def test_images_are_those_that_the_reference_returns_in_the_order_of_the_list(
    cars: dict[str, bytes], tmp_path: Path
) -> None:
    golden = np.load(GOLDEN / "raw" / "cars3d.npz")
    # The reference numbered cars as its directory was listed; a list in that order must give its numbers.
    listed = [name.removesuffix(".mat") for name in golden["listdir_order"]]
    assert listed != sorted(listed)
    write_cars(tmp_path / CARS, cars, listed)
    images = load(tmp_path)
    known = golden["grid_factors"][:, 2] < 4
    rows = SPACE.rows(golden["grid_factors"][known])
    np.testing.assert_array_equal(images[rows], np.rint(255 * golden["grid_observations"][known]))
    known = golden["factors"][:, 2] < 4
    rows = SPACE.rows(golden["factors"][known])
    np.testing.assert_array_equal(images[rows], np.rint(255 * golden["observations"][known]))


def test_the_order_of_the_archive_does_not_matter(cars: dict[str, bytes], tmp_path: Path) -> None:
    write_cars(tmp_path / CARS, cars, NAMES)
    expected = load(tmp_path)
    members = [(f"data/cars/{name}.mat", cars[name]) for name in reversed(NAMES)]
    write_archive(tmp_path / CARS, [("data/cars/list.txt", "\n".join(NAMES).encode()), *members])
    np.testing.assert_array_equal(load(tmp_path), expected)


def a_car(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    savemat(file, arrays, do_compression=True)
    return file.getvalue()


def test_wrong_archives_get_the_right_message(cars: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / CARS

    def refused(message: str) -> None:
        with pytest.raises(ValueError, match=message):
            load(tmp_path)

    write_cars(path, cars, None)
    refused("no cars/list.txt in the archive")
    write_cars(path, cars, NAMES[:3])
    refused("list.txt names 3 cars; expected 4")
    write_cars(path, cars, [*NAMES[:3], NAMES[0]])
    refused("list.txt names a car twice")
    write_cars(path, {name: cars[name] for name in NAMES[1:]}, NAMES)
    refused("1 cars of list.txt are missing: car_001_mesh")
    twice = [(f"data/cars/{name}.mat", cars[name]) for name in [*NAMES, NAMES[2]]]
    write_archive(path, [*twice, ("data/cars/list.txt", "\n".join(NAMES).encode())])
    refused("car_003_mesh is in the archive twice")
    write_cars(path, {**cars, NAMES[1]: a_car(im=np.zeros((64, 64, 3, 24, 4), np.uint8))}, NAMES)
    refused(r"car_002_mesh.mat is not a car: expected 'im' of shape \(128, 128, 3, 24, 4\)")
    write_cars(path, {**cars, NAMES[1]: a_car(mask=np.zeros(3))}, NAMES)
    refused("expected 'im' once; got it 0 times")
    write_cars(path, {**cars, NAMES[1]: cars[NAMES[1]][:4000]}, NAMES)
    refused("car_002_mesh.mat is not a car")
    content = write_cars(path, cars, NAMES).read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(f"{CARS} is damaged or truncated")
    path.write_bytes(b"<html>not found</html>")
    refused(f"{CARS} is damaged or truncated")


def test_a_bomb_is_refused_and_nothing_is_unpacked(
    cars: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = {**cars, "car_005_mesh": bytes(cars3d._LARGEST_MEMBER + 1)}
    write_cars(tmp_path / CARS, bomb, NAMES)
    with pytest.raises(ValueError, match=r"car_005_mesh.mat has 67,108,865 bytes, at most 67,108,864 are read"):
        load(tmp_path)
    monkeypatch.setattr(cars3d, "_LARGEST_ARCHIVE", 50_000)
    write_cars(tmp_path / CARS, cars, NAMES)
    with pytest.raises(ValueError, match="unpacks to more than 50,000 bytes"):
        load(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [CARS]


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_as_large_as_memory_is_not_read(tmp_path: Path, kind: bytes) -> None:
    """tarfile reads such a header whole; the rest of the archive, which is missing here, is not asked for."""
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = kind, 100 << 30
    (tmp_path / CARS).write_bytes(gzip.compress(entry.tobuf(tarfile.GNU_FORMAT)))
    with pytest.raises(ValueError, match="a header of 107,374,182,400 bytes, at most 1,048,576 are read"):
        load(tmp_path)


def test_paths_outside_and_links_have_no_effect(cars: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "in" / CARS
    path.parent.mkdir()
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, kind in (("data/cars/car_001_mesh.mat", tarfile.SYMTYPE), ("data/cars/list.txt", tarfile.LNKTYPE)):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        for name, content in [
            ("../../evil.txt", b"evil"),
            ("/evil.txt", b"evil"),
            ("data/cars/list.txt", "\n".join(NAMES).encode()),
            *((f"data/cars/{name}.mat", content) for name, content in cars.items()),
        ]:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert load(path.parent).any()
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["in", CARS]


@pytest.mark.slow
def test_an_archive_of_full_size_becomes_a_store(tmp_path: Path) -> None:
    names = [f"car_{number:03d}_mesh" for number in range(1, 184)]
    write_cars(tmp_path / CARS, {name: car(seed) for seed, name in enumerate(names)}, reversed(names))
    dataset = replace(cars3d.dataset, published=None)
    convert_dataset(dataset, "cars3d", tmp_path / "cars3d.zarr", tmp_path)
    store = open_dataset(tmp_path / "cars3d.zarr")
    assert store.space.sizes == (4, 24, 183)
    last = store.images(store.space.rows([[3, 5, 0]]))[0]
    from scipy.io import loadmat

    original = loadmat(io.BytesIO(car(182)))["im"][:, :, :, 5, 3]
    # Blocks of 8 pixels become blocks of 4, whose centres lie far enough from the edges to be nearly flat.
    assert np.abs(last[2::4, 2::4].astype(int) - original[4::8, 4::8]).mean() < 25
