"""Report: a finished run becomes one page."""

from collections.abc import Sequence
from pathlib import Path

from disbench import files
from disbench.report.run import read_run
from disbench.report.single import single_page


def report(folders: Sequence[Path], *, page: Path, metrics: Sequence[str] = ()) -> None:
    """Write the page of finished runs."""
    files.write_bytes(page, single_page(read_run(folders[0], metrics)).encode())
