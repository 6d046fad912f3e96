"""Arrays of numbers from a user's files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read(path: Path, name: str | None = None) -> NDArray[Any]:
    """Array of a .npy, .npz or .safetensors file, or of a .csv file of numbers with or without a header.

    Parameters
    ----------
    name
        Which array of a .npz or .safetensors file; not needed if there is only one.

    Raises
    ------
    ValueError
        If the file is of another kind, damaged, holds Python objects (which are never unpickled), or holds several
        arrays of which none is named; the message lists them.
    """
    readers = {".npy": _read_npy, ".npz": _read_npz, ".csv": _read_csv, ".safetensors": _read_safetensors}
    if path.suffix not in readers:
        raise ValueError(f"{path}: expected a file that ends in {', '.join(readers)}; got {path.suffix!r}")
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        return readers[path.suffix](path, name)
    except Exception as error:  # readers of NumPy raise what their parsers do, SyntaxError and zlib.error among them
        raise ValueError(f"{path}: not readable as {path.suffix}: {error}") from error


def _read_npy(path: Path, name: str | None) -> NDArray[Any]:
    # mapped first: a header that promises more than the file holds is refused before memory is taken
    return np.array(np.load(path, allow_pickle=False, mmap_mode="r"))


def _read_npz(path: Path, name: str | None) -> NDArray[Any]:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return np.asarray(archive[_choose(archive.files, name)])


def _read_safetensors(path: Path, name: str | None) -> NDArray[Any]:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as tensors:
        chosen = _choose(list(tensors.keys()), name)
        kind = tensors.get_slice(chosen).get_dtype()
        if kind.startswith(("BF", "F8")):
            raise ValueError(f"{chosen} has numbers of type {kind}; save it as float32")
        return np.asarray(tensors.get_tensor(chosen))


def _read_csv(path: Path, name: str | None) -> NDArray[Any]:
    with path.open(encoding="utf-8") as file:
        first = file.readline().strip().split(",")
    return np.loadtxt(path, delimiter=",", ndmin=2, skiprows=0 if _are_numbers(first) else 1)


def _choose(names: list[str], name: str | None) -> str:
    if name is None and len(names) == 1:
        return names[0]
    if name is None:
        raise ValueError(f"expected one array, or the name of one; got {len(names)}: {', '.join(names)}")
    if name not in names:
        raise ValueError(f"no array called {name!r}; there are {', '.join(names) or 'none'}")
    return name


def _are_numbers(cells: list[str]) -> bool:
    try:
        [float(cell) for cell in cells]
    except ValueError:
        return False
    return True
