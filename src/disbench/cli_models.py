"""Commands about trained encoders: take them elsewhere, and encode with them."""

from pathlib import Path
from typing import Annotated

import typer

Model = Annotated[Path, typer.Argument(help="Folder of a model, as `train` and `import-pretrained` write it.")]


def export(
    model: Model,
    out: Annotated[Path, typer.Option(help="Folder for encoder.onnx and decoder.onnx.")],
) -> None:
    """Write encoder and decoder as ONNX files, checked against PyTorch."""
    from disbench.models.onnx_files import export

    for path in export(model, out):
        typer.echo(f"{path}")


def encode(
    encoder: Model,
    images: Annotated[Path, typer.Argument(help="Images (n, height, width, channels): .npy, .npz, or a .zarr store.")],
    codes: Annotated[Path, typer.Argument(help="File for the codes (n, num_latents): .npy.")],
    sampled: Annotated[bool, typer.Option("--sampled", help="Draw from the posteriors instead of their mean.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of what is drawn.")] = 0,
) -> None:
    """Encode your own images."""
    from disbench.encoding import encode_file

    num, num_latents = encode_file(encoder, images, codes, sampled=sampled, seed=seed)
    typer.echo(f"{codes}: {'sampled' if sampled else 'mean'} codes of {num:,} images, {num_latents} latents each")


def import_pretrained(
    archive: Annotated[Path, typer.Argument(help="An archive that disentanglement_lib published, such as 0.zip.")],
    out: Annotated[Path, typer.Option(help="Folder for the model, and for recorded.json: its settings and scores.")],
) -> None:
    """Make a model of the reference study one of ours, without TensorFlow."""
    from disbench.pretrained.importer import import_pretrained

    recorded = import_pretrained(archive, out)
    num_scores = sum(len(metrics) for metrics in recorded["scores"].values())
    typer.echo(f"{out}: encoder and decoder of {archive.name}, with {num_scores} recorded evaluations")
