"""Commands about studies: what there is, what a number stands for."""

import json
from typing import Annotated

import typer

StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="A published study, or a study file (.yaml).")]


def list_studies() -> None:
    """List the published studies."""
    from rich.console import Console
    from rich.table import Table

    from disbench.study import schema

    table = Table("name", "runs", "data sets x settings x seeds", "what it is")
    for name in schema.published():
        study = schema.load(name)
        grid = f"{len(study.datasets)} x {len(study.settings)} x {len(study.seed_values)}"
        table.add_row(name, f"{study.num_runs:,}", grid, study.description)
    Console().print(table)


def show(
    study: StudyName,
    model_num: Annotated[int, typer.Option(help="Number of the run: the seed changes fastest, the data set slowest.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the full configuration of one run, without running it."""
    from disbench.study import schema

    described = schema.load(study).run(model_num).describe()
    if as_json:
        typer.echo(json.dumps(described, indent=2))
        return
    for name, value in described.items():
        if isinstance(value, dict):
            typer.echo(f"{name}:")
            for key, inner in value.items():
                typer.echo(f"  {key}: {inner}")
        else:
            typer.echo(f"{name}: {value}")


def add_to(group: typer.Typer) -> None:
    """Add the commands to the group `study`."""
    group.command("list")(list_studies)
    group.command()(show)
