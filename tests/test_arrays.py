import io

import numpy as np
import pytest
from safetensors.numpy import save_file

from disbench import arrays

VALUES = np.arange(6.0).reshape(3, 2)


def test_the_same_array_from_every_kind_of_file(tmp_path):
    np.save(tmp_path / "a.npy", VALUES)
    np.savez(tmp_path / "a.npz", VALUES)
    np.savetxt(tmp_path / "a.csv", VALUES, delimiter=",")
    np.savetxt(tmp_path / "named.csv", VALUES, delimiter=",", header="x,y", comments="")
    save_file({"weights": VALUES}, tmp_path / "a.safetensors")
    for name in ("a.npy", "a.npz", "a.csv", "named.csv", "a.safetensors"):
        assert np.array_equal(arrays.read(tmp_path / name), VALUES)


def object_array() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"never": "unpickled"}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"1", r"ends in \.npy, \.npz, \.csv, \.safetensors; got '\.txt'"),
        ("a.npy", b"", "not readable as .npy"),
        ("a.npy", b"\x93NUMPY\x01\x00", "not readable as .npy"),
        ("a.npy", object_array(), "not readable as .npy: .*Python objects"),
        ("a.npz", b"PK\x03\x04", "not readable as .npz"),
        ("a.safetensors", b"\xff" * 20, "not readable as .safetensors"),
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


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_of_several_arrays_one_is_named(tmp_path, suffix):
    path, content = tmp_path / f"a{suffix}", {"first": VALUES, "second": VALUES + 1}
    if suffix == ".npz":
        np.savez(path, **content)
    else:
        save_file(content, path)
    assert np.array_equal(arrays.read(path, "second"), VALUES + 1)
    with pytest.raises(ValueError, match="expected one array, or the name of one; got 2: first, second"):
        arrays.read(path)
    with pytest.raises(ValueError, match="no array called 'third'; there are first, second"):
        arrays.read(path, "third")


def test_numbers_that_numpy_lacks_are_refused(tmp_path):
    header = b'{"a":{"dtype":"BF16","shape":[1,1],"data_offsets":[0,2]}}'
    (tmp_path / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    with pytest.raises(ValueError, match="type BF16; save it as float32"):
        arrays.read(tmp_path / "a.safetensors")
