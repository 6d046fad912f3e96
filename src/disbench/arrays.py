"""Arrays of numbers from a user's files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read(path: Path) -> NDArray[Any]:
    """Array of a .npy file, of a .npz file that holds just one, or of a .csv file of numbers with or without a header.

    Raises
    ------
    ValueError
        If the file is of another kind, damaged, or holds Python objects (which are never unpickled).
    """
    readers = {".npy": _read_npy, ".npz": _read_npz, ".csv": _read_csv}
    if path.suffix not in readers:
        raise ValueError(f"{path}: expected a file that ends in {', '.join(readers)}; got {path.suffix!r}")
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        return readers[path.suffix](path)
    except Exception as error:  # readers of NumPy raise what their parsers do, SyntaxError and zlib.error among them
        raise ValueError(f"{path}: not readable as {path.suffix}: {error}") from error


def _read_npy(path: Path) -> NDArray[Any]:
    # mapped first: a header that promises more than the file holds is refused before memory is taken
    return np.array(np.load(path, allow_pickle=False, mmap_mode="r"))


def _read_npz(path: Path) -> NDArray[Any]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        if len(archive.files) != 1:
            raise ValueError(f"expected one array; got {len(archive.files)}: {', '.join(archive.files)}")
        return np.asarray(archive[archive.files[0]])


def _read_csv(path: Path) -> NDArray[Any]:
    with path.open(encoding="utf-8") as file:
        first = file.readline().strip().split(",")
    return np.loadtxt(path, delimiter=",", ndmin=2, skiprows=0 if _are_numbers(first) else 1)


def _are_numbers(cells: list[str]) -> bool:
    try:
        [float(cell) for cell in cells]
    except ValueError:
        return False
    return True
