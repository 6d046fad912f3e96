"""Where data sets come from: reads sources.yaml, the one list of files, sizes, checksums and licences."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class RawFile:
    """A published file.

    Parameters
    ----------
    name
        What it is called in the folder of raw files.
    urls
        Where it is, best first.
    bytes, sha256, md5
        Of the published file; None where nobody has published them.
    approximate_bytes
        How much disk to expect where `bytes` is not known.
    """

    name: str
    urls: tuple[str, ...]
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    approximate_bytes: int | None = None

    @property
    def expected_bytes(self) -> int | None:
        """Size, exact or approximate; None if neither is known."""
        return self.bytes if self.bytes is not None else self.approximate_bytes


@dataclass(frozen=True)
class Origin:
    """Whose data they are, and the raw files they are read from: none if the images are made."""

    name: str = ""
    licence: str = "not stated"
    citation: str = ""
    homepage: str = ""
    files: tuple[RawFile, ...] = ()


def origin(name: str) -> Origin:
    """Entry of sources.yaml."""
    entry = _entries()[name]
    files = [RawFile(**{**file, "urls": tuple(file["urls"])}) for file in entry.get("files", [])]
    return Origin(name, entry["licence"], entry["citation"], entry["homepage"], tuple(files))


def origins() -> tuple[str, ...]:
    """Names of the entries of sources.yaml."""
    return tuple(_entries())


@cache
def _entries() -> dict[str, Any]:
    text = resources.files("disbench.datasets").joinpath("sources.yaml").read_text(encoding="utf-8")
    entries: dict[str, Any] = yaml.safe_load(text)
    return entries
