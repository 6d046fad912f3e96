"""Convert: the images of a data set, read or rendered, become one Zarr store."""

from pathlib import Path

from disbench import catalogue
from disbench.datasets._dataset import Dataset, PixelStatistics
from disbench.datasets._statistics import PixelMoments
from disbench.progress import progress
from disbench.storage import create_dataset


def convert(name: str, out: Path, raw: Path | None = None) -> None:
    """Write the store of a data set that disbench knows.

    Parameters
    ----------
    name
        Name in the catalogue of data sets.
    out
        The store to write; one that is there is replaced.
    raw
        Folder of its raw files; None if the images are rendered.
    """
    convert_dataset(catalogue.find("datasets", name), name, out, raw)


def convert_dataset(dataset: Dataset, name: str, out: Path, raw: Path | None = None) -> None:
    """Stream any data set into its store.

    Raises
    ------
    ValueError
        A row is missing or double, an image has another shape, or the pixel statistics are not the published ones.
    FileNotFoundError
        The data set is read from raw files and there is no such folder.
    """
    if dataset.raw and (raw is None or not raw.is_dir()):
        raise FileNotFoundError(f"{name} is read from raw files; expected their folder, got {raw!r}")
    moments = PixelMoments(dataset.image_shape, dataset.binary)
    with (
        create_dataset(
            out, dataset.space, dataset.image_shape, binary=dataset.binary, repeats=dataset.repeats
        ) as writer,
        progress(dataset.num_images, f"convert {name}", "images") as advance,
    ):
        for rows, images in dataset.blocks(raw):
            writer.write(rows, images)
            moments.add(images)
            advance(len(rows))
        writer.require_all_rows()
        for key, values in dataset.extras(raw).items():
            writer.add_extra(key, values)
        statistics = moments.statistics()
        if dataset.published is not None:
            _check(name, statistics, dataset.published)
        writer.attributes.update(
            name=name,
            source=dataset.source if isinstance(dataset.source, str) else dataset.source(raw),
            licence=dataset.origin.licence,
            citation=dataset.origin.citation,
            homepage=dataset.origin.homepage,
            observation=dataset.observation,
            pixel_mean=list(statistics.mean),
            pixel_std=list(statistics.std),
        )


def _check(name: str, found: PixelStatistics, published: PixelStatistics) -> None:
    pairs = zip((*found.mean, *found.std), (*published.mean, *published.std), strict=True)
    if max(abs(value - expected) for value, expected in pairs) > published.tolerance:
        raise ValueError(
            f"{name}: expected pixel mean {published.mean} and standard deviation {published.std} within "
            f"{published.tolerance}; got {found.mean} and {found.std}; the images were decoded or resized wrongly"
        )
