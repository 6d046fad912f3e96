"""Commands about studies: many runs, one table."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from disbench import cli_pictures

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(help="Studies of many runs: their table, and what it says.", no_args_is_help=True)
app.command()(cli_pictures.draw)


class Format(StrEnum):
    """What `study table` writes."""

    table = "table"
    reference = "reference"


@app.command()
def table(
    study: Annotated[Path, typer.Argument(help="Folder of the study.")],
    out: Annotated[
        list[Path] | None, typer.Option(help="File to write: .parquet or .csv; several are all written.")
    ] = None,
    layout: Annotated[
        Format, typer.Option("--format", help="`reference`: a .json with the column names of disentanglement_lib.")
    ] = Format.table,
) -> None:
    """Write one table of all finished runs: a row for each run, representation and score."""  # fmt: skip
    from disbench.study import results
    from disbench.study.reference_table import write_reference_table
    from disbench.study.table import StudyTable
    from disbench.study.table_files import require_suffix, write_table

    if layout is Format.reference:
        num_failed = 0
        for path in out or [Path("results.json")]:
            num_rows, num_failed = write_reference_table(results.read_all(study), path)
            typer.echo(f"{path}: {num_rows:,} rows")
    else:
        paths = out or [Path("results.parquet")]
        for path in paths:
            require_suffix(path)
        found = StudyTable.build(results.read_all(study))
        for path in paths:
            write_table(found, path)
            typer.echo(f"{path}: {found.num_rows:,} scores of {found.runs.num_rows:,} runs")
        num_failed = found.num_failed
    if num_failed:
        typer.echo(f"{num_failed:,} failed runs are not in it", err=True)


@app.command()
def analyse(
    results: Annotated[Path, typer.Argument(help="Folder of a study, or the table that `study table` made of it.")],
    out: Annotated[Path, typer.Option(help="Folder for a CSV file of each analysis, and analysis.json.")] = Path(
        "analysis"
    ),
    scores: Annotated[
        str | None,
        typer.Option(help="Scores to compare, as metric.score, separated by commas; by default the papers'."),
    ] = None,
    representation: Annotated[
        str | None, typer.Option(help="Which to print, by default the first; files have all of them.")
    ] = None,
    udr: Annotated[
        bool, typer.Option("--udr", help="Also rank without labels: RESULTS is a folder, with codes.")
    ] = False,
) -> None:
    """Rank correlations of metrics, scores by hyper-parameter, variance explained, transfer across data sets."""
    from disbench.study.report import analyses, readable, write_analyses
    from disbench.study.table_files import load_results

    chosen = [name.strip() for name in scores.split(",")] if scores else None
    table = load_results(results)
    printed = _representation(table, representation)
    frames = analyses(table, scores=chosen, codes=results if udr else None)
    for name, whole in frames.items():
        frame = whole
        if "representation" in frame:
            frame = frame[frame["representation"] == printed].drop(columns="representation")
        for title, small in readable(name, frame):
            _print_frame(title, small)
    for path in write_analyses(frames, out):
        typer.echo(f"{path}")


def _representation(results: "pd.DataFrame", name: str | None) -> str:
    """The representation of a name if it has scores, by default the first one that has."""
    found = list(results["representation"].drop_duplicates().astype(str))
    if name is not None and name not in found:
        raise ValueError(f"expected a representation that has scores, {' or '.join(found)}; got {name!r}")
    return name or next(iter(found), "mean")


def _print_frame(title: str, frame: "pd.DataFrame") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*map(str, frame.columns), title=title, title_justify="left")
    for row in frame.itertuples(index=False):
        table.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row))
    Console().print(table)
