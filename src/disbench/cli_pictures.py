"""Commands that draw."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Values(StrEnum):
    """Range of a traversal."""

    fixed = "fixed"
    confidence = "confidence"
    minmax = "minmax"


def visualize(
    model: Annotated[Path, typer.Option(help="Folder of the encoder, the decoder and model.json.")],
    dataset: Annotated[Path, typer.Option(help="Zarr store of the data set.")],
    table: Annotated[Path, typer.Option(help="Zarr store of the codes of all images.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    picture: Annotated[list[str] | None, typer.Option(help="Name of a picture, once for each; by default all.")] = None,
    values: Annotated[
        Values, typer.Option(help="Range of the traversals: -2 to 2, 2 standard deviations, or all values.")
    ] = Values.fixed,
    seed: Annotated[int, typer.Option(help="Seed of the images and points that are drawn.")] = 0,
    num_points: Annotated[int, typer.Option(min=100, help="Points from which matrices are estimated.")] = 10_000,
) -> None:
    """Draw what a model has learnt: reconstructions, traversals, films, matrices."""
    from disbench.pictures.draw import PICTURES, draw_all

    names = picture or list(PICTURES)
    for path in draw_all(
        model, dataset, table, out, names=names, values=values.value, seed=seed, num_points=num_points
    ):
        typer.echo(f"{path}")


def draw(
    results: Annotated[Path, typer.Argument(help="Table of `study table`, or the folder of a study.")],
    out: Annotated[Path, typer.Option(help="Folder for the figures.")],
    representation: Annotated[str, typer.Option(help="Whose scores: mean or sampled.")] = "mean",
) -> None:
    """Draw how scores spread, agree, and depend on objective and hyper-parameters."""
    from disbench.pictures.studies import draw_study
    from disbench.study.table_files import load_results

    for path in draw_study(load_results(results), out, representation=representation):
        typer.echo(f"{path}")
