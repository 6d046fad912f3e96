"""Commands about data sets: what there is, fetch, convert, look, compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from disbench import catalogue

if TYPE_CHECKING:
    from disbench.datasets._dataset import Dataset

RAW, STORES = Path("data/raw"), Path("data/zarr")

app = typer.Typer(help="List the data sets, or look at one.", invoke_without_command=True, no_args_is_help=False)

Name = Annotated[str, typer.Argument(help="Name of the data set; `disbench datasets` lists them.")]
Folder = Annotated[Path | None, typer.Option(help="Folder to put the files into; by default data/raw/ and a name.")]
Mirrors = Annotated[
    list[str] | None,
    typer.Option("--mirror", envvar="DISBENCH_MIRRORS", help="Address of a folder with the files, tried first."),
]
Folders = Annotated[
    list[Path] | None,
    typer.Option("--from", envvar="DISBENCH_RAW", help="Folder that may have the files already; they are copied."),
]


def fetch(name: Name, out: Folder = None, mirror: Mirrors = None, folder: Folders = None) -> None:
    """Download the raw files of a data set, or go on with it, and check them."""
    from disbench.stages.fetch import fetch

    found = fetch(name, out, mirrors=mirror or (), folders=folder or ())
    typer.echo(f"The raw files of {name} are whole in {found}.")


def convert(
    name: Annotated[str | None, typer.Argument(help="Name of the data set, or module:attribute of your own.")] = None,
    out: Annotated[Path | None, typer.Option(help="Zarr store to write; by default data/zarr/NAME.zarr.")] = None,
    raw: Annotated[Path | None, typer.Option(help="Folder of its raw files.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Images of your own: .npy, .npz, .h5, or a folder of pictures.")
    ] = None,
    factors: Annotated[Path | None, typer.Option(help="Factors of each of your images: .csv or .npy.")] = None,
    own_name: Annotated[
        str | None, typer.Option("--name", help="Name of your own data set, for params.yaml and the store.")
    ] = None,
    nuisance: Annotated[
        list[str] | None, typer.Option(help="Factor of your own that is not ground truth; once for each.")
    ] = None,
    accept_statistics: Annotated[
        bool,
        typer.Option(
            envvar="DISBENCH_ACCEPT_STATISTICS",
            help="Keep the store although its pixel statistics are not the published ones; it says so.",
        ),
    ] = False,
) -> None:
    """Write a data set, or your own images and factors, as a chunked Zarr store."""
    from disbench.datasets._own import own_dataset
    from disbench.stages.convert import convert_dataset

    if (images is None) != (factors is None) or (name is None) == (images is None):
        raise ValueError("give either the NAME of a data set, or --images, --factors and --name of your own")
    if own_name in catalogue.names("datasets"):
        raise ValueError(f"expected a --name that no data set of disbench has; got {own_name!r}")
    if images is not None and factors is not None:
        if own_name is None:
            raise ValueError("give your own data set a --name")
        dataset = own_dataset(images, factors, tuple(nuisance or ()))
    else:
        dataset = catalogue.find("datasets", str(name))
    called = own_name or str(name)
    given = {"--images": images, "--factors": factors, "--name": own_name, "--raw": raw, "--out": out}
    arguments = [name] if name else []
    arguments += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    arguments += [word for factor in nuisance or () for word in ("--nuisance", factor)]
    convert_dataset(
        dataset,
        called,
        out or STORES / f"{called}.zarr",
        raw or _raw_folder(dataset),
        accept_statistics=accept_statistics,
        arguments=[] if called in catalogue.names("datasets") else arguments,
    )


@app.callback()
def list_all(context: typer.Context) -> None:
    """List the data sets, or look at one."""
    if context.invoked_subcommand is not None:
        return
    from disbench import inventory

    for line in inventory.table(inventory.Places(RAW, STORES)):
        typer.echo(line)


@app.command()
def show(name: Name) -> None:
    """Tell everything about a data set, also one of your own that is converted."""
    from disbench import inventory

    for key, value in inventory.description(name, inventory.Places(RAW, STORES)).items():
        first, *others = value.splitlines()
        typer.echo(f"{key:<18}{first}")
        for line in others:
            typer.echo(f"{'':18}{line}")


@app.command()
def preview(
    name: Name,
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")] = Path("reports/datasets"),
    store: Annotated[Path | None, typer.Option(help="Zarr store; by default data/zarr/NAME.zarr.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of what is random in the images.")] = 0,
) -> None:
    """Draw what each factor does: a PNG with a row a factor, and a GIF that sweeps all of them."""
    from disbench.pictures.preview import Preview
    from disbench.storage import open_dataset

    pictures = Preview(open_dataset(store or STORES / f"{name}.zarr"), seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    pictures.write_png(out / f"{name}.png")
    pictures.write_gif(out / f"{name}.gif")
    typer.echo(f"Wrote {out / name}.png and {out / name}.gif.")


@app.command()
def verify(name: Name, file: Annotated[Path, typer.Argument(help="The official .npz or .hdf5 of dSprites.")]) -> None:
    """Compare an official file with the rendered images: how many differ, and where."""
    from disbench.datasets import _compare, _dsprites

    if name != "dsprites_full":
        raise ValueError(f"only dsprites_full is rendered and can be compared with its official file; got {name!r}")
    found = _compare.compare_with_official(file)
    typer.echo(f"{found.num_images:,} images compared; {found.num_different:,} differ, in {found.num_pixels:,} pixels")
    for difference in found.examples:
        state = ", ".join(f"{key} {value}" for key, value in zip(_dsprites.SPACE.names, difference.state, strict=True))
        typer.echo(f"row {difference.row:,} ({state})")
        for line, column, white in difference.pixels[:5]:
            typer.echo(f"  line {line}, column {column}: {'white' if white else 'black'} in the official file")


def _raw_folder(dataset: "Dataset") -> Path | None:
    """Where `disbench fetch` puts the files, if they are needed."""
    return RAW / dataset.origin.name if dataset.raw else None
