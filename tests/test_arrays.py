import io

import numpy as np
import pytest

from disbench import arrays

VALUES = np.arange(6.0).reshape(3, 2)


def test_the_same_array_from_every_kind_of_file(tmp_path):
    np.save(tmp_path / "a.npy", VALUES)
    np.savez(tmp_path / "a.npz", VALUES)
    np.savetxt(tmp_path / "a.csv", VALUES, delimiter=",")
    np.savetxt(tmp_path / "named.csv", VALUES, delimiter=",", header="x,y", comments="")
    for name in ("a.npy", "a.npz", "a.csv", "named.csv"):
        assert np.array_equal(arrays.read(tmp_path / name), VALUES)


def object_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"never": "unpickled"}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"1", r"ends in \.npy, \.npz, \.csv; got '\.txt'"),
        ("a.npy", b"", "not readable as .npy"),
        ("a.npy", b"\x93NUMPY\x01\x00", "not readable as .npy"),
        ("a.npy", object_array(), "not readable as .npy: .*Python objects"),
        ("a.npz", b"PK\x03\x04", "not readable as .npz"),
        ("a.csv", b"1,2\n3\n", "not readable as .csv"),
        ("a.csv", b"\xff\xfe\x00", "not readable as .csv"),
    ],
)
def test_other_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        arrays.read(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        arrays.read(tmp_path / "a.npy")


def test_an_archive_of_two_arrays_is_ambiguous(tmp_path):
    np.savez(tmp_path / "a.npz", first=VALUES, second=VALUES)
    with pytest.raises(ValueError, match="expected one array; got 2: first, second"):
        arrays.read(tmp_path / "a.npz")
