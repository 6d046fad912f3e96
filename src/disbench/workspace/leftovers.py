"""What killed processes leave: hidden files and folders beside the outputs, and checkpoints of unfinished runs."""

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from disbench.training.checkpoint import CheckpointFolder, RunInProgressError

_HIDDEN = re.compile(r"\..+\.(tmp|partial|partial\.json|old|copy)")
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Leftover:
    """A file or folder that no finished output needs.

    Parameters
    ----------
    path
        Where it is.
    num_bytes
        On disk, all files of a folder together.
    """

    path: Path
    num_bytes: int


def find_leftovers(folders: Sequence[Path], *, checkpoints: bool = False) -> list[Leftover]:
    """Leftovers below the folders, sorted by path.

    Parameters
    ----------
    folders
        Where to look; those that do not exist are passed over.
    checkpoints
        Whether checkpoints of unfinished runs count. Those of a run that is being trained never do.
    """
    found = [path for folder in folders for path in _hidden(folder)]
    if checkpoints:
        found += [path for folder in folders for path in _unfinished(folder)]
    return [Leftover(path, _size(path)) for path in sorted(found)]


def remove(leftover: Leftover) -> None:
    """Remove a leftover from the disk."""
    if leftover.path.is_dir() and not leftover.path.is_symlink():
        shutil.rmtree(leftover.path)
    else:
        leftover.path.unlink()


def _hidden(folder: Path) -> Iterator[Path]:
    """Hidden leftovers, the outermost only, and none of a run that is being trained."""
    if not folder.is_dir() or folder.is_symlink() or (_is_run(folder) and _in_progress(folder)):
        return
    for path in sorted(folder.iterdir()):
        if _HIDDEN.fullmatch(path.name):
            yield path
        else:
            yield from _hidden(path)


def _unfinished(folder: Path) -> list[Path]:
    runs = [path for path in folder.rglob("*") if path.is_dir() and _is_run(path)]
    return [path for path in runs if not _in_progress(path)]


def _is_run(folder: Path) -> bool:
    return folder.parent.name == "checkpoints" and _FINGERPRINT.fullmatch(folder.name) is not None


def _in_progress(folder: Path) -> bool:
    try:
        with CheckpointFolder(folder).locked():
            return False
    except RunInProgressError:
        return True


def _size(path: Path) -> int:
    if path.is_dir() and not path.is_symlink():
        return sum(file.lstat().st_size for file in path.rglob("*") if not file.is_dir())
    return path.lstat().st_size
