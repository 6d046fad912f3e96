"""Verify: every artefact of a workspace is read again, and every checksum compared."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from disbench import params, storage
from disbench.models import load_decoder, load_encoder
from disbench.training.checkpoint import CheckpointFolder

_PIECE = 1 << 20


@dataclass(frozen=True)
class Finding:
    """One artefact that was looked at.

    Parameters
    ----------
    path
        Where it is.
    what
        What it is: "image store", "table", "model", "checkpoints", "raw files", "output of a stage".
    mistake
        What is wrong and what to run; None if it is whole.
    """

    path: Path
    what: str
    mistake: str | None = None


def verify(folders: Sequence[Path], locks: Sequence[Path] = ()) -> Iterator[Finding]:
    """Look at every artefact below the folders, and at every output that a lock file of DVC names.

    Parameters
    ----------
    folders
        Where to look; those that do not exist are passed over.
    locks
        dvc.lock files, whose paths count from the folder they are in unless they name another.
    """
    for folder in folders:
        yield from _below(folder)
    for lock in locks:
        yield from _locked_outputs(lock)


def _below(folder: Path) -> Iterator[Finding]:
    if not folder.is_dir() or folder.name.startswith("."):
        return
    names = {path.name for path in folder.iterdir()}
    if "zarr.json" in names:
        yield _store(folder)
        return
    if "model.json" in names or {"encoder.safetensors", "decoder.safetensors"} & names:
        yield _finding(folder, "model", lambda: (load_encoder(folder), load_decoder(folder)))
    if "fetched.json" in names:
        yield _finding(folder, "raw files", lambda: _check_raw_files(folder))
    if folder.parent.name == "checkpoints":
        yield _finding(folder, "checkpoints", CheckpointFolder(folder).check)
    for path in sorted(folder.iterdir()):
        yield from _below(path)


def _finding(path: Path, what: str, check: Callable[[], object]) -> Finding:
    try:
        check()
    except (ValueError, OSError) as error:
        return Finding(path, what, str(error))
    return Finding(path, what)


def _store(path: Path) -> Finding:
    try:
        kind = storage.read_attributes(path).get("format")
    except OSError as error:
        return Finding(path, "store", str(error))
    if kind == "disbench table":
        return _finding(path, "table", lambda: _check_table(path))
    return _finding(path, "image store", lambda: _check_images(path))


def _check_images(path: Path) -> None:
    store = storage.open_dataset(path)
    digest = hashlib.sha256()
    step = max(1, (64 << 20) // store.image_bytes)
    for start in range(0, store.num_images, step):
        digest.update(np.ascontiguousarray(store.read(start, min(start + step, store.num_images))).data)
    if f"sha256:{digest.hexdigest()}" != store.checksum:
        raise ValueError(f"{path}: the images do not have the checksum that the store states; {store.remedy}")
    store.extras()
    _check_factors(path, store.space.num_states, store.remedy)


def _check_table(path: Path) -> None:
    table = storage.open_table(path)
    _check_factors(path, table.space.num_states, "make it again with `dvc repro --force postprocess`")


def _check_factors(path: Path, num_rows: int, remedy: str) -> None:
    """Read the states of all rows, which no stage of the pipeline does."""
    space, factors = storage.open_factors(path)
    step = 1 << 20
    for start in range(0, num_rows, step):
        rows = np.arange(start, min(start + step, num_rows))
        if not np.array_equal(factors.read(start, int(rows[-1]) + 1), space.states(rows)):
            raise ValueError(
                f"{path}: the factors of rows {start:,} to {rows[-1]:,} are not the states of the grid; {remedy}"
            )


def _check_raw_files(folder: Path) -> None:
    try:
        record = json.loads((folder / "fetched.json").read_text(encoding="utf-8"))
        files = {str(name): str(entry["sha256"]) for name, entry in record["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder / 'fetched.json'}: damaged ({error!r}); delete it and fetch again") from error
    for name, expected in files.items():
        if _digest(folder / name, "sha256") != expected:
            raise ValueError(f"{folder / name}: not the file that was fetched; delete it and fetch again")


def _locked_outputs(lock: Path) -> Iterator[Finding]:
    """Compare files with the MD5 that DVC noted when their stage ended; of a folder, each file that its cache lists."""
    if not lock.is_file():
        return
    try:
        stages: dict[str, Any] = params.read_mapping(lock)["stages"]
        outputs = {str(out["path"]): str(out["md5"]) for stage in stages.values() for out in stage.get("outs", [])}
        names = {str(out["path"]): name for name, stage in stages.items() for out in stage.get("outs", [])}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        yield Finding(lock, "lock file of DVC", f"{lock}: damaged ({error!r}); `git checkout` it, or run `dvc repro`")
        return
    root = lock.parent.parent if lock.parent.name == "data" else lock.parent
    cache = root / ".dvc/cache/files/md5"
    for path, expected in outputs.items():
        if (root / path).is_file():
            check = partial(_check_output, root / path, expected, names[path])
        else:
            check = partial(_check_folder, root / path, expected, names[path], cache)
        if (root / path).exists():
            yield _finding(root / path, "output of a stage", check)


def _check_folder(folder: Path, expected: str, stage: str, cache: Path) -> None:
    listing = cache / expected[:2] / expected[2:]
    if not listing.is_file():  # the cache was emptied; what the files say of themselves was checked
        return
    for entry in json.loads(listing.read_bytes()):
        _check_output(folder / entry["relpath"], entry["md5"], stage)


def _check_output(path: Path, expected: str, stage: str) -> None:
    if not path.is_file():
        raise ValueError(f"{path}: missing; run `dvc checkout` or `dvc repro {stage}`")
    if _digest(path, "md5") != expected:
        raise ValueError(
            f"{path}: not what the stage {stage!r} wrote; run `dvc checkout --force {path}` or "
            f"`dvc repro --force {stage}`"
        )


def _digest(path: Path, kind: str) -> str:
    digest = hashlib.new(kind, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
