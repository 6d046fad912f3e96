"""The command that scores codes from anywhere, and how scores are printed."""

import json
from pathlib import Path
from typing import Annotated

import typer

STUDY = "study"
"""Short for the nine metrics of the published study."""

_STUDY_METRICS = (
    "beta_vae", "dci", "downstream_boosted_trees", "downstream_logistic_regression", "factor_vae", "mce", "mig", "sap",
    "unsupervised",
)  # fmt: skip


def score(
    codes: Annotated[
        Path, typer.Argument(help="Codes (n, num_latents), one row a point: .npy, .npz, .csv or .safetensors.")
    ],
    factors: Annotated[Path | None, typer.Option(help="Factors (n, num_factors): likewise.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="In place of factors: the codes are those of all images of this data set, in their order."),
    ] = None,
    metrics: Annotated[
        str, typer.Option(help="Names of metrics, separated by commas; `study` for the nine of the published study.")
    ] = "mig,sap,dci",
    codes_array: Annotated[str | None, typer.Option(help="Name of the codes in a file of several arrays.")] = None,
    factors_array: Annotated[str | None, typer.Option(help="Name of the factors, likewise.")] = None,
    pca: Annotated[
        bool, typer.Option("--pca", help="Codes (n, num_slots, width): project each vector on its main direction.")
    ] = False,
    train_fraction: Annotated[
        float | None, typer.Option(help="Share of the points, from the first on, that trains; the rest tests.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed from which each metric derives its own.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Score your own codes."""
    from disbench import arrays, catalogue, scoring, slots

    names = [part for name in metrics.split(",") for part in (_STUDY_METRICS if name == STUDY else (name,))]
    for name in names:
        catalogue.find("metrics", name)
    space = catalogue.find("datasets", dataset).space if dataset is not None else None
    points = arrays.read(codes, codes_array)
    points = slots.reduce_slots(points) if pca else points
    if factors is not None and space is None:
        truth = arrays.read(factors, factors_array)
        scores = {name: scoring.score(name, points, truth, train_fraction=train_fraction, seed=seed) for name in names}
    elif space is not None and factors is None:
        if train_fraction is not None:
            raise ValueError("--train-fraction is for points of your own; of a data set metrics draw theirs")
        table = scoring.table_of(space, points)
        scores = {name: scoring.evaluate(name, table, seed=seed) for name in names}
    else:
        raise ValueError("expected --factors FILE or --dataset NAME; got " + ("neither" if factors is None else "both"))
    print_scores(scores, as_json=as_json)


def print_scores(scores: dict[str, dict[str, float]], *, as_json: bool = False) -> None:
    """Print the scores of several metrics as a table, or as JSON."""
    from rich.console import Console
    from rich.table import Table

    if as_json:
        typer.echo(json.dumps(scores, indent=2, sort_keys=True, allow_nan=False))
        return
    table = Table("metric", "score", "value")
    for metric, values in scores.items():
        for key, value in values.items():
            table.add_row(metric, key, f"{value:.4f}")
    Console().print(table)
