"""What data sets there are, and what of them is on this machine: the text of `disbench datasets`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disbench import catalogue
from disbench.datasets._dataset import Dataset
from disbench.datasets._origin import Origin
from disbench.factors import FactorSpace
from disbench.progress import bytes_text
from disbench.storage import StoreError, read_attributes

_METADATA = "zarr.json"


@dataclass(frozen=True)
class Places:
    """Where raw files and stores are."""

    raw: Path
    stores: Path

    def store(self, name: str) -> Path:
        """Store of a data set."""
        return self.stores / f"{name}.zarr"


def table(places: Places) -> Iterator[str]:
    """Two lines for each data set, those of the user last."""
    line = "{:<20}{:>11}  {:<15}{:<15}{:<10}{:<20}{}".format
    yield line("name", "images", "channels", "download", "store", "here", "licence")
    for name in catalogue.names("datasets"):
        dataset = catalogue.find("datasets", name)
        seen = _seen(dataset.image_shape[-1], dataset.observation)
        size, licence = store_text(dataset), dataset.origin.licence
        here = here_text(name, dataset, places)
        yield line(name, f"{dataset.space.num_states:,}", seen, download_text(dataset.origin), size, here, licence)
        yield "    " + sizes_text(dataset.space)
    for name, attributes in own_stores(places):
        space, num_channels = _space_of(attributes), attributes["image_shape"][-1]
        seen = _seen(num_channels, str(attributes.get("observation", "plain")))
        size = bytes_text(_bytes_of(places.store(name)))
        yield line(name, f"{space.num_states:,}", seen, "your own", size, "converted", attributes.get("licence", ""))
        yield "    " + sizes_text(space)


def description(name: str, places: Places) -> dict[str, str]:
    """Everything about a data set, of disbench or of the user.

    Raises
    ------
    ValueError
        Neither disbench nor the folder of stores has one of this name.
    """
    own = dict(own_stores(places))
    if name in own:
        return _own_description(name, own[name], places)
    if name not in catalogue.names("datasets"):
        raise ValueError(catalogue.no_such("data set", name, [*catalogue.names("datasets"), *own]))
    dataset = catalogue.find("datasets", name)
    height, width, channels = dataset.image_shape
    store = _bytes_of(places.store(name))
    return {
        "name": name,
        **_space_text(dataset.space),
        "images": f"{dataset.num_images:,} of {height} x {width} x {channels}",
        "observation": dataset.observation,
        "source": dataset.source if isinstance(dataset.source, str) else dataset.source(None),
        "files": "\n".join(url for file in dataset.origin.files for url in (file.name, *file.urls)) or "none",
        "download": download_text(dataset.origin),
        "pixels in memory": bytes_text(dataset.pixel_bytes),
        "store": f"{bytes_text(store)} on disk" if store else f"not converted; {store_text(dataset)}",
        "here": here_text(name, dataset, places),
        "licence": dataset.origin.licence,
        "citation": dataset.origin.citation,
        "homepage": dataset.origin.homepage or "none",
    }


def _own_description(name: str, attributes: Mapping[str, Any], places: Places) -> dict[str, str]:
    height, width, channels = attributes["image_shape"]
    return {
        "name": name,
        **_space_text(_space_of(attributes)),
        "images": f"{attributes['num_images']:,} of {height} x {width} x {channels}",
        "observation": str(attributes.get("observation", "plain")),
        "source": str(attributes.get("source", "not stated")),
        "store": f"{bytes_text(_bytes_of(places.store(name)))} on disk, {places.store(name)}",
        "pixel mean": ", ".join(f"{value:.4f}" for value in attributes.get("pixel_mean", [])),
        "licence": str(attributes.get("licence", "not stated")),
    }


def own_stores(places: Places) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and attributes of the stores that no data set of disbench has given its name."""
    taken = set(catalogue.names("datasets"))
    for path in sorted(places.stores.glob("*.zarr")):
        if path.stem in taken or not (path / _METADATA).is_file():
            continue
        try:
            attributes = read_attributes(path)
        except StoreError as error:
            raise StoreError(f"{error}, or move it out of {places.stores}") from error
        if "image_shape" in attributes:
            yield path.stem, attributes


def sizes_text(space: FactorSpace) -> str:
    """Names of the axes, each with its size."""
    return ", ".join(f"{name} {size}" for name, size in zip(space.names, space.sizes, strict=True))


def download_text(origin: Origin) -> str:
    """Size of the raw files."""
    if not origin.files:
        return "none"
    if any(file.expected_bytes is None for file in origin.files):
        return "not published"
    return bytes_text(sum(file.expected_bytes or 0 for file in origin.files))


def store_text(dataset: Dataset) -> str:
    """Size of the store: measured, or what it is at most, that of its pixels."""
    return bytes_text(dataset.store_bytes) if dataset.store_bytes else f"< {bytes_text(dataset.pixel_bytes)}"


def here_text(name: str, dataset: Dataset, places: Places) -> str:
    """What of a data set is on this machine."""
    fetched = bool(dataset.origin.files) and (places.raw / dataset.origin.name / "fetched.json").is_file()
    converted = (places.store(name) / _METADATA).is_file()
    return ", ".join(word for word, is_so in (("fetched", fetched), ("converted", converted)) if is_so) or "no"


def _seen(num_channels: int, observation: str) -> str:
    return str(num_channels) if observation == "plain" else f"{num_channels}, {observation}"


def _space_text(space: FactorSpace) -> dict[str, str]:
    return {
        "factors": "\n".join(f"{key}: {size}" for key, size in zip(space.names, space.sizes, strict=True)),
        "nuisance factors": ", ".join(space.nuisance) or "none",
        "states": f"{space.num_states:,}",
    }


def _space_of(attributes: Mapping[str, Any]) -> FactorSpace:
    space = attributes["space"]
    return FactorSpace(tuple(space["names"]), tuple(space["sizes"]), tuple(space["nuisance"]))


def _bytes_of(store: Path) -> int:
    return sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
