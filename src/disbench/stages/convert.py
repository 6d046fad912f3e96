"""Convert: the images of a data set, read or rendered, become one Zarr store."""

from collections.abc import Sequence
from pathlib import Path

from disbench import catalogue
from disbench.datasets._dataset import Dataset, PixelStatistics
from disbench.datasets._statistics import PixelMoments
from disbench.progress import progress
from disbench.storage import create_dataset


def convert(name: str, out: Path, raw: Path | None = None, *, accept_statistics: bool = False) -> None:
    """Write the store of a data set that disbench knows.

    Parameters
    ----------
    name
        Name in the catalogue of data sets.
    out
        The store to write; one that is there is replaced.
    raw
        Folder of its raw files; None if the images are rendered.
    accept_statistics
        Whether to keep the store although its pixel statistics are not the published ones; it says so.
    """
    convert_dataset(catalogue.find("datasets", name), name, out, raw, accept_statistics=accept_statistics)


def convert_dataset(
    dataset: Dataset,
    name: str,
    out: Path,
    raw: Path | None = None,
    *,
    accept_statistics: bool = False,
    arguments: Sequence[str] = (),
) -> None:
    """Stream any data set into its store; `arguments` are those of `disbench convert`, the others those of `convert`.

    The store notes the arguments, if it is a user's own, so that a message about damage can say how to make it again.

    Raises
    ------
    ValueError
        A row is missing or double, an image has another shape, or the pixel statistics are not the published ones.
    FileNotFoundError
        The data set is read from raw files and they are not there.
    """
    if dataset.raw:
        _require_raw_files(dataset, name, raw)
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
        fault = dataset.published and _fault(statistics, dataset.published)
        if fault and not accept_statistics:
            raise ValueError(
                f"{name}: {fault}; the images were decoded or resized wrongly, or their authors have published others. "
                "If you know that they are right, convert with --accept-statistics or DISBENCH_ACCEPT_STATISTICS=1"
            )
        writer.attributes.update(
            name=name,
            source=dataset.source if isinstance(dataset.source, str) else dataset.source(raw),
            licence=dataset.origin.licence,
            citation=dataset.origin.citation,
            homepage=dataset.origin.homepage,
            observation=dataset.observation,
            pixel_mean=list(statistics.mean),
            pixel_std=list(statistics.std),
            **({"convert_arguments": list(arguments)} if arguments else {}),
            **({"accepted_in_spite_of": fault} if fault else {}),
        )


def _require_raw_files(dataset: Dataset, name: str, raw: Path | None) -> None:
    if raw is None or not raw.is_dir():
        raise FileNotFoundError(f"{name} is read from raw files; expected their folder, got {raw!r}")
    missing = [file.name for file in dataset.origin.files if not (raw / file.name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{name} is read from raw files; {raw} lacks {', '.join(missing)}: put them there, or "
            f"`disbench fetch {dataset.origin.name}`"
        )


def _fault(found: PixelStatistics, published: PixelStatistics) -> str | None:
    """Sentence for statistics that are not the published ones."""
    pairs = zip((*found.mean, *found.std), (*published.mean, *published.std), strict=True)
    if max(abs(value - expected) for value, expected in pairs) <= published.tolerance:
        return None
    return (
        f"expected pixel mean {published.mean} and standard deviation {published.std} within {published.tolerance}; "
        f"got {found.mean} and {found.std}"
    )
