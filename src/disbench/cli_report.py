"""The command that makes pages for people."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Folders of finished runs, DVC experiments or revisions; the current folder if none. Or one study: "
            "its folder, or its table (.parquet, .csv)."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("reports/report.html"),
    metric: Annotated[list[str] | None, typer.Option(help="Metric to show; once for each, all if none.")] = None,
) -> None:
    """Make a page of one run, of several, or of a study; one file that works offline."""
    try:
        from disbench.stages.report import report, report_study
    except ModuleNotFoundError as error:
        raise ValueError(
            f"the report needs the package {error.name!r}, which is not installed; run `pip install 'disbench[report]'`"
        ) from error

    names = runs or ["."]
    if len(names) == 1 and _is_study(Path(names[0])):
        from disbench.study.table_files import load_results

        report_study(Path(names[0]).stem, load_results(names[0]), page=out)
    else:
        report(names, page=out, metrics=metric or [])
    typer.echo(f"{out}: open it in a browser")


def _is_study(path: Path) -> bool:
    return path.suffix in (".parquet", ".csv") or (path / "runs").is_dir()
