"""Commands about studies: what there is, what a number stands for."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

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


class Cluster(StrEnum):
    """Kinds of clusters."""

    slurm = "slurm"


class MetricSeeds(StrEnum):
    """Where the seeds of metrics come from."""

    drawn = "drawn"
    by_name = "by_name"


Data = Annotated[str, typer.Option(help="Folder, or address such as s3://bucket/stores, of the stores NAME.zarr.")]


def reproduce(
    study: Annotated[str, typer.Option(help="A published study, or a study file (.yaml).")] = "unsupervised_study_v1",
    model_num: Annotated[int | None, typer.Option(help="Number of the run.")] = None,
    encoder: Annotated[
        Path | None, typer.Option(help="Folder of a trained model to measure instead of training one.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Data set of the encoder; by default the one that its model.json names.")
    ] = None,
    data: Data = "data/zarr",
    out: Annotated[Path, typer.Option(help="Folder; the study and the number are folders in it.")] = Path("output"),
    num_steps: Annotated[int | None, typer.Option(help="Train for fewer steps than the study.")] = None,
    metric_seeds: Annotated[
        MetricSeeds | None,
        typer.Option(help="Seeds of metrics: as the study drew them, or derived by name; by default as it says."),
    ] = None,
    pictures: Annotated[bool, typer.Option(help="Draw pictures as well.")] = True,
) -> None:
    """Train and measure one model of a study, or measure an encoder as the study does."""
    from disbench.study import reproduce, schema

    loaded = schema.load(study)
    seeds: Literal["drawn", "by_name"] | None
    seeds = None if metric_seeds is None else "drawn" if metric_seeds is MetricSeeds.drawn else "by_name"
    if (model_num is None) == (encoder is None):
        raise ValueError("expected --model-num to train a model of the study, or --encoder to measure one of your own")
    if encoder is not None and num_steps is not None:
        raise ValueError("--num-steps is about training, and with --encoder nothing is trained; leave it out")
    if encoder is None and dataset is not None:
        raise ValueError("--dataset is about an encoder; a number of a study stands for its data set already")
    if pictures:
        reproduce.require_pictures()
    if encoder is None:
        run = reproduce.varied(loaded.run(model_num or 0), num_steps=num_steps, metric_seeds=seeds)
        folder = out / loaded.name / str(model_num)
        with stopped_in_words():
            scores = reproduce.reproduce(run, folder, data).scores
    else:
        name = dataset or reproduce.dataset_of(encoder)
        if name is None:
            raise ValueError(f"{encoder}: model.json names no data set; say which with --dataset")
        run = dataclasses.replace(reproduce.varied(loaded.run(0), metric_seeds=seeds), dataset=name)
        folder = out / loaded.name / encoder.resolve().name
        scores = reproduce.measure(encoder, run, folder, data)
    if pictures:
        from disbench.pictures.draw import draw_all

        codes = folder / "representations" / "mean.zarr"
        draw_all(encoder or folder / "model", reproduce.images(run, data), codes, folder / "pictures")
    typer.echo(f"{folder}: {sum(map(len, scores.values()))} scored metrics")


def run(
    study: StudyName,
    out: Annotated[Path, typer.Option(help="Folder of the study's results; the workers need it too.")],
    data: Data = "data/zarr",
    jobs: Annotated[int, typer.Option(min=1, help="Runs at the same time: worker processes, or jobs of Slurm.")] = 1,
    where: Annotated[
        str, typer.Option(help='Only a part: "dataset=cars3d objective=beta_vae,factor_vae seed<5".')
    ] = "",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Do just the runs that failed.")] = False,
    scheduler: Annotated[str | None, typer.Option(help="Address of a scheduler of Dask, tcp://...")] = None,
    cluster: Annotated[Cluster | None, typer.Option(help="Start the workers on a cluster.")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="YAML file with the arguments of dask_jobqueue.SLURMCluster.")
    ] = None,
    gpu: Annotated[bool, typer.Option("--gpu", help="A run takes one GPU of those that workers declare.")] = False,
    only: Annotated[
        bool, typer.Option("--only", help="First move results of runs that the study does not have to OUT/former.")
    ] = False,
    keep_tables: Annotated[
        bool, typer.Option("--keep-tables", help="Keep representations and metrics' files.")
    ] = False,
    together: Annotated[
        str, typer.Option(help="Most runs that one worker trains at once; auto: 8 on a GPU, 1 on processors.")
    ] = "auto",
) -> None:
    """Run a study, or go on with it: finished runs are never repeated."""
    from disbench.study import conduct

    most = None if together == "auto" else int(together) if together.isdecimal() else 0
    if most == 0:
        raise ValueError(f"--together: expected auto or a number from 1; got {together!r}")
    place = conduct.Place(jobs, scheduler, cluster is not None, profile, gpu)
    tally = conduct.conduct(
        study,
        out,
        data,
        place,
        where=where,
        retry_failed=retry_failed,
        keep_tables=keep_tables,
        only=only,
        together=most,
    )
    if tally.interrupted:
        raise typer.Exit(130)
    if tally.num_failed:
        raise typer.Exit(1)


def plan(
    study: StudyName,
    where: Annotated[str, typer.Option(help="Only a part, as in `study run`.")] = "",
    data: Data = "data/zarr",
    out: Annotated[Path | None, typer.Option(help="Folder of results, to tell how long scoring takes.")] = None,
) -> None:
    """Say how many runs a study has, how long they take here, and how many bytes they leave."""
    from rich.console import Console
    from rich.table import Table

    from disbench.progress import bytes_text
    from disbench.study import plan, schema
    from disbench.study.where import select

    runs = select(schema.load(study), where)
    parts = plan.plan(runs, data)
    table = Table("data set", "objective", "runs", "ms a step", "hours to train", "hours to encode")
    for part in parts:
        times = (1000 * part.step_seconds, part.train_hours, part.encode_hours)
        table.add_row(part.dataset, part.objective, f"{part.num_runs:,}", *(f"{value:,.2f}" for value in times))
    Console().print(table)
    hours = sum(part.train_hours + part.encode_hours for part in parts)
    typer.echo(f"{len(runs):,} runs; {hours:,.2f} hours to train and encode on this machine, one run after the other")
    scoring = None if out is None else plan.scoring_hours(len(runs), out)
    if scoring is not None:
        typer.echo(f"{scoring:,.2f} hours to score, as long as the finished runs in {out} took")
    typer.echo(f"{bytes_text(sum(part.encoder_bytes for part in parts))} of weights")
    typer.echo(f"{bytes_text(sum(part.table_bytes for part in parts))} of representations, with --keep-tables")


@contextmanager
def stopped_in_words() -> Iterator[None]:
    """Say what work that was stopped says of itself; a Ctrl-C alone would only say that it came."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        if not stopped.args:
            raise
        sys.exit(f"disbench: {stopped}")


def add_to(group: typer.Typer) -> None:
    """Add the commands to the group `study`."""
    group.command("list")(list_studies)
    group.command()(show)
    group.command()(plan)
    group.command()(run)
