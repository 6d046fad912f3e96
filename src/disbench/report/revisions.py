"""Runs by name: a folder, or an experiment or another revision of the repository, read through DVC."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from scmrepo.exceptions import SCMError

_COMMIT_LENGTH = 12
_PARTS = ("params.yaml", "data/run", "reports/metrics", "reports/train")


@dataclass(frozen=True)
class Place:
    """Folder of a run, and the commit of the repository that it belongs to."""

    folder: Path
    commit: str


def place_of(name: str, scratch: Path) -> Place:
    """Where a run is; what a revision left is copied from DVC's cache to the folder `scratch`, which is made.

    The images are those of the current folder: they are not copied.

    Raises
    ------
    ValueError
        If it is neither a folder nor a revision, or if the cache lacks what the run left.
    """
    if Path(name).is_dir():
        return Place(Path(name), commit(Path(name)))
    try:
        files = DVCFileSystem(str(Path.cwd()), rev=name)
        for part in _PARTS:
            files.get(part, str(scratch / part), recursive=part != "params.yaml")
    except (DvcException, SCMError, OSError) as error:
        raise ValueError(
            f"{name!r} is neither the folder of a run nor a revision whose run is in DVC's cache ({error}); "
            "`dvc exp list` and `git log` name revisions"
        ) from error
    (scratch / "data/zarr").symlink_to(Path("data/zarr").resolve())
    return Place(scratch, files.repo.get_rev()[:_COMMIT_LENGTH])


def commit(folder: Path) -> str:
    """Commit of the repository around a folder, and whether files differ from it."""
    if shutil.which("git") is None:
        return "unknown: no git"
    head = _git(folder, "rev-parse", "HEAD")
    if head is None:
        return "none"
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{head[:_COMMIT_LENGTH]}, with changes" if changed else head[:_COMMIT_LENGTH]


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None if it fails, as it does outside a repository."""
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
