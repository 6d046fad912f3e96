"""Archives of the reference study, `<number>.zip`: what a trained model consists of, and what was recorded about it.

Members are found by the end of their path, so that it does not matter whether a folder named after the number is around
them; no member is unpacked to a file, and what is not asked for is not read.
"""

import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from disbench.pretrained._fields import BundleError
from disbench.pretrained._table import MAX_BYTES as MAX_INDEX_BYTES
from disbench.pretrained.bundle import read_bundle

_MAX_DATA_BYTES = 1 << 29  # of a file of weights; the fully connected networks for 3 channels have 0.2 GB
_MAX_JSON_BYTES = 1 << 22
_MAX_MEMBERS = 10_000
_VARIABLES = "model/tfhub/variables"
# What zipfile raises for damaged files; RuntimeError is also for what is encrypted or compressed in an unknown way.
_DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, ValueError)


class ArchiveError(ValueError):
    """An archive is damaged, unsafe to read, or holds something else."""


class Archive:
    """One archive, open for reading; `open_archive` makes it."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self._path = path
        self._file = file
        if len(file.infolist()) > _MAX_MEMBERS:
            raise ArchiveError(f"{path}: expected at most {_MAX_MEMBERS:,} members; got {len(file.infolist()):,}")
        self._root = self._find_root()

    def variables(self) -> dict[str, NDArray[np.float32]]:
        """Weights of the encoder and the decoder by TensorFlow's names, in its layout."""
        index = self._read(f"{_VARIABLES}/variables.index", MAX_INDEX_BYTES)
        try:
            return read_bundle(index, self._shard)
        except BundleError as error:
            raise ArchiveError(f"{self._path}: {self._root}{_VARIABLES}: {error}") from error

    def training(self) -> dict[str, dict[str, Any]]:
        """`config` and `results` of the training; either is empty where the archive lacks it."""
        return {
            part: self._json(f"model/results/json/train_{part}.json")
            or self._aggregate("model/results/aggregate/train.json", f"train_{part}.")
            for part in ("config", "results")
        }

    def scores(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Scores by representation (`mean`, `sampled`) and the reference's name of the metric."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for member in sorted(self._file.namelist()):
            if not member.startswith(f"{self._root}metrics/"):
                continue
            parts = PurePosixPath(member.removeprefix(self._root)).parts
            if len(parts) != 6 or parts[3:] != ("results", "aggregate", "evaluation.json"):
                continue
            _, representation, metric = parts[:3]
            values = self._aggregate("/".join(parts), "evaluation_results.")
            found.setdefault(representation, {})[metric] = values
        return found

    def _find_root(self) -> str:
        ending = f"{_VARIABLES}/variables.index"
        roots = [
            name.removesuffix(ending) for name in self._file.namelist() if name == ending or name.endswith(f"/{ending}")
        ]
        if len(roots) != 1:
            raise ArchiveError(
                f"{self._path}: expected one member that ends in {ending}; got {len(roots)}. This is not an archive "
                "of one trained model of disentanglement_lib"
            )
        return roots[0]

    def _shard(self, index: int, num: int) -> bytes:
        return self._read(f"{_VARIABLES}/variables.data-{index:05d}-of-{num:05d}", _MAX_DATA_BYTES)

    def _aggregate(self, name: str, prefix: str) -> dict[str, Any]:
        values = self._json(name)
        return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}

    def _json(self, name: str) -> dict[str, Any]:
        if self._root + name not in self._file.namelist():
            return {}
        content = self._read(name, _MAX_JSON_BYTES)
        try:
            values = json.loads(content, parse_constant=lambda constant: None)
        except (ValueError, RecursionError) as error:
            raise ArchiveError(f"{self._path}: {self._root}{name}: not readable as JSON ({error})") from error
        if not isinstance(values, dict):
            raise ArchiveError(f"{self._path}: {self._root}{name}: expected a mapping; got {type(values).__name__}")
        return values

    def _read(self, name: str, limit: int) -> bytes:
        member = self._root + name
        found = [info for info in self._file.infolist() if info.filename == member]
        if len(found) != 1:
            raise ArchiveError(f"{self._path}: expected one member called {member}; got {len(found)}")
        if found[0].file_size > limit:
            raise ArchiveError(
                f"{self._path}: {member} unpacks to {found[0].file_size:,} bytes; expected at most {limit:,}"
            )
        try:
            return self._file.read(found[0])  # never more than the size it states
        except (*_DAMAGED, OSError) as error:
            raise ArchiveError(f"{self._path}: {member}: damaged ({error}); fetch the archive again") from error


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive of a trained model.

    Raises
    ------
    ArchiveError
        If it is no ZIP file, is damaged, or holds no model or several.
    FileNotFoundError
        If it is not there.
    """
    try:
        file = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; expected an archive such as 0.zip") from None
    except _DAMAGED as error:
        raise ArchiveError(f"{path}: not readable as a ZIP file ({error}); fetch the archive again") from error
    with file:
        yield Archive(path, file)
