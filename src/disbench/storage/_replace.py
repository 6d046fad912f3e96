"""Folders that appear whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

METADATA = "zarr.json"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`, which takes its place when the block ends without an error.

    What a killed process left behind is removed by the next one that writes the same path.

    Raises
    ------
    FileExistsError
        `path` is neither a store nor an empty folder; it is left as it is.
    """
    if path.exists() and not (path / METADATA).is_file() and not (path.is_dir() and not any(path.iterdir())):
        raise FileExistsError(f"expected a Zarr store or nothing at {path}; it is something else, remove it yourself")
    partial, old = (path.with_name(f".{path.name}.{suffix}") for suffix in ("partial", "old"))
    for leftover in (partial, old):
        if leftover.exists():
            shutil.rmtree(leftover)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        # A thread of Zarr may be removing its own file just now: the error to tell is the first one, and the next
        # writer removes what is left.
        shutil.rmtree(partial, ignore_errors=True)
        raise
    if path.exists():
        path.rename(old)
    partial.rename(path)
    if old.exists():
        shutil.rmtree(old)
