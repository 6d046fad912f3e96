"""A raw file from a stranger, in each published format: read, or refused with a word on it, and nothing is left."""

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat
from tests.fuzz.mutate import fuzz, mutated_bytes

from disbench.datasets import _norb, _own, _own_images, _streams, cars3d, scream_dsprites
from disbench.stages.convert import convert_dataset

IMAGES = np.random.default_rng(0).integers(0, 4, (12, 8, 8, 3), dtype=np.uint8)
CAR = IMAGES.reshape(8, 8, 3, 4, 3)


def npy(values: np.ndarray = IMAGES) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def npz(content: bytes, compression: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("images.npy", content)
    return file.getvalue()


def hdf5(**layout: object) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as opened:
        opened.create_dataset("images", data=IMAGES, **layout)
        opened["labels"] = np.arange(12.0)
    return file.getvalue()


def norb() -> bytes:
    return np.array([0x1E3D4C55, 4, *IMAGES.shape], "<u4").tobytes() + IMAGES.tobytes()


def mat(compress: bool) -> bytes:
    file = io.BytesIO()
    savemat(file, {"im": CAR, "mask": CAR[:, :, 0]}, do_compression=compress)
    return file.getvalue()


def tar(links: bool = False) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in (("data/cars/list.txt", b"car_1\n"), ("data/cars/car_1.mat", mat(True))):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        if links:
            entry = tarfile.TarInfo("../../outside")
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(entry)
    return file.getvalue()


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(IMAGES[0]).save(file, kind)
    return file.getvalue()


def read_npz(path: Path) -> None:
    check(np.concatenate(list(_streams.npz_blocks(path, "images", (8, 8, 3), 12))))


def read_hdf5(path: Path) -> None:
    check(np.concatenate(list(_streams.hdf5_blocks(path, "images", (8, 8, 3), 12))))
    _streams.hdf5_array(path, "labels")


def read_norb(path: Path) -> None:
    check(np.concatenate(list(_norb._matrix(path.parent, path.name.removesuffix(".mat.gz"), 0x1E3D4C55, IMAGES.shape))))


def read_own(path: Path) -> None:
    opened = _own_images.open_images(path)
    if opened.take is not None:
        opened.take(np.arange(min(opened.num_images, 100)))
    else:
        list(opened.stream())


def read_mat(path: Path) -> None:
    assert cars3d._read_mat(str(path), path.read_bytes(), CAR.shape).shape == CAR.shape


def read_tar(path: Path) -> None:
    cars3d._order(path)
    list(cars3d._members(path))


def read_factors(path: Path) -> None:
    names, columns = _own._read_factors(path)
    _own._grid(path, names, columns, ())


def check(images: np.ndarray) -> None:
    assert images.dtype == np.uint8
    assert images.shape == IMAGES.shape


def as_it_is(content: bytes) -> bytes:
    return content


def stored(content: bytes) -> bytes:
    return npz(content, zipfile.ZIP_STORED)


def deflated(content: bytes) -> bytes:
    return npz(content, zipfile.ZIP_DEFLATED)


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, 1)


Reader = Callable[[Path], None]
FORMATS: dict[str, tuple[str, Reader, bytes, Callable[[bytes], bytes]]] = {
    # name: file, reader, what is mutated, what is then put around it with checksums that fit
    "npz stored": ("a.npz", read_npz, stored(npy()), as_it_is),
    "npz deflated": ("a.npz", read_npz, deflated(npy()), as_it_is),
    "npy in npz": ("a.npz", read_npz, npy(), deflated),
    "own npz": ("a.npz", read_own, npy(), stored),
    "own npy": ("a.npy", read_own, npy(), as_it_is),
    "own png": ("a.npy", lambda path: _own_images._read_picture(path) is None, picture("PNG"), as_it_is),
    "own csv": ("a.csv", read_factors, b"size,color\n1,red\n1,blue\n2,red\n2,blue\n", as_it_is),
    "own factors npy": ("a.npy", read_factors, npy(np.arange(6.0)[:, None]), as_it_is),
    "hdf5": ("a.h5", read_hdf5, hdf5(), as_it_is),
    "hdf5 gzip": ("a.h5", read_hdf5, hdf5(chunks=(4, 4, 8, 1), compression="gzip"), as_it_is),
    "hdf5 lzf": ("a.h5", read_hdf5, hdf5(chunks=(4, 8, 8, 3), compression="lzf"), as_it_is),
    "own hdf5": ("a.h5", read_own, hdf5(chunks=(4, 8, 8, 3), compression="gzip"), as_it_is),
    "norb gzip": ("a.mat.gz", read_norb, gzipped(norb()), as_it_is),
    "norb matrix": ("a.mat.gz", read_norb, norb(), gzipped),
    "mat": ("a.mat", read_mat, mat(False), as_it_is),
    "mat compressed": ("a.mat", read_mat, mat(True), as_it_is),
    "tar.gz": ("a.tar.gz", read_tar, gzipped(tar()), as_it_is),
    "tar": ("a.tar.gz", read_tar, tar(links=True), gzipped),
    "jpeg": ("a.jpg", lambda path: scream_dsprites.background(path) is None, picture("JPEG"), as_it_is),
}


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_mutated_is_read_as_it_is(tmp_path: Path, name: str) -> None:
    file, read, content, wrap = FORMATS[name]
    (tmp_path / file).write_bytes(wrap(content))
    read(tmp_path / file)


@pytest.mark.parametrize("name", FORMATS)
@fuzz
@given(data=st.data())
def test_mutated_files_are_read_or_refused_in_words(tmp_path: Path, name: str, data: st.DataObject) -> None:
    file, read, content, wrap = FORMATS[name]
    path = tmp_path / "in" / file
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)  # a mapped file must not change under whoever maps it
    path.write_bytes(wrap(data.draw(mutated_bytes(content))))
    try:
        read(path)
    except (ValueError, OSError) as error:
        assert "a." in str(error), error  # noqa: PT017
    assert [entry.relative_to(tmp_path).as_posix() for entry in sorted(tmp_path.rglob("*"))] == ["in", f"in/{file}"]


@fuzz
@given(data=st.data())
def test_a_mutated_file_leaves_a_whole_store_or_none(tmp_path: Path, data: st.DataObject) -> None:
    images, factors, out = tmp_path / "a.npz", tmp_path / "factors.csv", tmp_path / "out" / "mine.zarr"
    factors.write_text("".join(f"{row}\n" for row in range(12)))
    images.write_bytes(data.draw(mutated_bytes(deflated(npy()))))
    try:
        convert_dataset(_own.own_dataset(images, factors), "mine", out)
    except (ValueError, OSError) as error:
        assert "a.npz" in str(error)  # noqa: PT017
        assert not list(out.parent.glob("*")) or [path.name for path in out.parent.iterdir()] == ["mine.zarr"]
