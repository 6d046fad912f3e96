"""The disbench command: one subcommand a stage, plus what people ask for."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from disbench import (
    catalogue,
    cli_datasets,
    cli_models,
    cli_pictures,
    cli_report,
    cli_runs,
    cli_scores,
    cli_study,
    cli_workspace,
)  # fmt: skip

STAGES = "Stages of the pipeline"
CODES = "For your own codes"
LISTS = "What there is"
FILES = "Files of a workspace"
ENCODERS = "Encoders elsewhere"
STUDIES = "Studies of many runs"

app = typer.Typer(
    help="Train, measure and compare disentangled representations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ParamsPath = Annotated[Path, typer.Option("--params", help="Parameters of the run.")]
StorePath = Annotated[Path, typer.Option("--dataset", help="Zarr store of the data set.")]
TablePath = Annotated[Path, typer.Option("--table", help="Zarr store of the codes of all images.")]
ModelPath = Annotated[Path, typer.Option("--model", help="Folder of the encoder, the decoder and model.json.")]
ScoresPath = Annotated[Path, typer.Option("--scores", help="JSON file to write the scores to.")]


def main() -> None:
    """Run the command; a mistake in what came from outside is one message, not a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        if "DISBENCH_TRACEBACK" in os.environ:
            raise
        sys.exit(f"disbench: {error}")
    except (MemoryError, RuntimeError) as error:
        if "DISBENCH_TRACEBACK" in os.environ or not _is_out_of_memory(error):
            raise
        sys.exit(f"disbench: not enough memory ({error}); lower train.batch_size or train.image_gigabytes")


def _is_out_of_memory(error: Exception) -> bool:
    """Whether it is NumPy's or torch's: the latter is a RuntimeError on a CPU, and a subclass on a GPU."""
    named = type(error).__name__ == "OutOfMemoryError" or "allocate memory" in str(error)
    return isinstance(error, MemoryError) or named


@app.command(rich_help_panel=STAGES)
def check(
    params: ParamsPath,
    dataset: StorePath,
    metric: Annotated[list[str], typer.Option(help="Metric that the pipeline evaluates; once for each.")],
    out: Annotated[Path, typer.Option(help="File that says that everything is valid.")],
) -> None:
    """Refuse a misspelt name or a wrong value in params.yaml before anything runs."""
    from disbench import files
    from disbench.params import check

    check(params, metric, dataset)
    files.write_bytes(out, b"params.yaml is valid\n")


app.command(rich_help_panel=STAGES)(cli_datasets.fetch)
app.command(rich_help_panel=STAGES)(cli_datasets.convert)
app.command(rich_help_panel=STAGES)(cli_pictures.visualize)
app.command(rich_help_panel=FILES)(cli_workspace.verify)
app.command(rich_help_panel=FILES)(cli_workspace.clean)
app.add_typer(cli_datasets.app, name="datasets", rich_help_panel=LISTS)
app.command(rich_help_panel=CODES)(cli_scores.score)
app.command(rich_help_panel=ENCODERS)(cli_models.encode)
app.command(rich_help_panel=ENCODERS)(cli_models.export)
app.command(rich_help_panel=STUDIES)(cli_runs.reproduce)
cli_runs.add_to(cli_study.app)
app.add_typer(cli_study.app, name="study", rich_help_panel=STUDIES)
app.command("import-pretrained", rich_help_panel=ENCODERS)(cli_models.import_pretrained)


@app.command(rich_help_panel=STAGES)
def train(
    params: ParamsPath,
    dataset: StorePath,
    checkpoints: Annotated[Path, typer.Option(help="Folder in which unfinished runs keep their checkpoints.")],
    model: ModelPath,
    log: Annotated[Path, typer.Option(help="Folder for the loss curves (DVCLive).")],
    scores: ScoresPath,
) -> None:
    """Train an encoder and a decoder; go on from a checkpoint if one is there."""
    from disbench.stages.train import train

    with cli_runs.stopped_in_words():
        train(params_path=params, store_path=dataset, checkpoints=checkpoints, model=model, log=log, scores_path=scores)


@app.command(rich_help_panel=STAGES)
def postprocess(params: ParamsPath, dataset: StorePath, model: ModelPath, table: TablePath) -> None:
    """Encode every image of the data set once, into a table."""
    from disbench.stages.postprocess import postprocess

    postprocess(params_path=params, store_path=dataset, model=model, table_path=table)


@app.command(rich_help_panel=STAGES)
def evaluate(
    metric: Annotated[str, typer.Argument(help="Name of the metric; `disbench metrics` lists them.")],
    params: ParamsPath,
    table: TablePath,
    scores: ScoresPath,
) -> None:
    """Score a table with one metric."""
    from disbench.stages.evaluate import evaluate

    cli_scores.print_scores({metric: evaluate(metric, params_path=params, table_path=table, scores_path=scores)})


app.command(rich_help_panel=STAGES)(cli_report.report)


@app.command(rich_help_panel=LISTS)
def metrics() -> None:
    """List the metrics with their options."""
    _list_options("metrics")


@app.command(rich_help_panel=LISTS)
def objectives() -> None:
    """List the objectives with their hyper-parameters."""
    _list_options("objectives")


def _list_options(kind: catalogue.Kind) -> None:
    from rich.table import Table

    table = Table("name", "what it is", "options and defaults")
    for name in catalogue.names(kind):
        function = catalogue.find(kind, name)
        fields = catalogue.options(function).model_fields.items()
        settings = "\n".join(f"{field} {info.default}" for field, info in fields)
        table.add_row(name, (function.__doc__ or "").strip().splitlines()[0], settings)
    _print(table)


def _print(table: object) -> None:
    from rich.console import Console

    Console().print(table)
