"""Report: finished runs become one page."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from disbench import files
from disbench.pictures.studies import draw_study
from disbench.report.revisions import place_of
from disbench.report.run import read_run
from disbench.report.several import Drawing, comparison_page, study_page
from disbench.report.single import single_page
from disbench.report.study_rows import study_rows


def report(names: Sequence[str], *, page: Path, metrics: Sequence[str] = ()) -> None:
    """Write the page of finished runs, each a folder or a revision of the repository."""
    with files.scratch(page) as scratch:
        places = {name: place_of(name, scratch / str(number)) for number, name in enumerate(names)}
        runs = {name: read_run(place.folder, metrics, commit=place.commit) for name, place in places.items()}
        html = comparison_page(runs) if len(runs) > 1 else single_page(*runs.values())
    files.write_bytes(page, html.encode())


def report_study(name: str, results: pd.DataFrame, *, page: Path) -> None:
    """Write the page of a study, from its results; figures are those of the mean representation if it was scored."""
    rows = study_rows(results)
    representation = min(results["representation"].unique())
    with files.scratch(page) as scratch:
        paths = draw_study(results, scratch, representation=representation)
        drawings = [Drawing(path.stem.replace("_", " "), path.read_bytes()) for path in paths]
    files.write_bytes(page, study_page(name, rows, drawings).encode())
