"""Runs by name: a folder, or an experiment or another revision of the repository, read through DVC."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from scmrepo.exceptions import SCMError

_PARTS = ("params.yaml", "data/run", "reports/metrics", "reports/train")


@contextmanager
def folder_of(name: str) -> Iterator[Path]:
    """Folder of a run; what a revision left is copied from DVC's cache, and gone afterwards.

    The images are those of the current folder: they are not copied.

    Raises
    ------
    ValueError
        If it is neither a folder nor a revision, or if the cache lacks what the run left.
    """
    if Path(name).is_dir():
        yield Path(name)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        try:
            files = DVCFileSystem(str(Path.cwd()), rev=name)
            for part in _PARTS:
                files.get(part, str(folder / part), recursive=part != "params.yaml")
        except (DvcException, SCMError, OSError) as error:
            raise ValueError(
                f"{name!r} is neither the folder of a run nor a revision whose run is in DVC's cache ({error}); "
                "`dvc exp list` and `git log` name revisions"
            ) from error
        (folder / "data/zarr").symlink_to(Path("data/zarr").resolve())
        yield folder
