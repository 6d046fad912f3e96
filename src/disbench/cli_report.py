"""The command that makes pages for people."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Folder of a finished run; the current one if none.")
    ] = None,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("reports/report.html"),
    metric: Annotated[list[str] | None, typer.Option(help="Metric to show; once for each, all if none.")] = None,
) -> None:
    """Make a page of a run: explore its latents, read its scores; one file that works offline."""
    try:
        from disbench.stages.report import report
    except ModuleNotFoundError as error:
        raise ValueError(
            f"the report needs the package {error.name!r}, which is not installed; run `pip install 'disbench[report]'`"
        ) from error

    report(runs or [Path()], page=out, metrics=metric or [])
    typer.echo(f"{out}: open it in a browser")
