"""Commands about studies: many runs, one table."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Studies of many runs: their table.", no_args_is_help=True)


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
    from disbench.study.table_files import write_table

    if layout is Format.reference:
        for path in out or [Path("results.json")]:
            typer.echo(f"{path}: {write_reference_table(results.read_all(study), path):,} rows")
        return
    found = StudyTable.build(results.read_all(study))
    for path in out or [Path("results.parquet")]:
        write_table(found, path)
        typer.echo(f"{path}: {found.num_rows:,} scores of {found.runs.num_rows:,} runs")
    if found.num_failed:
        typer.echo(f"{found.num_failed:,} failed runs are not in it", err=True)
