"""What fetching takes of the disk, said and checked before it starts."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from disbench import catalogue
from disbench.datasets._origin import Origin, RawFile
from disbench.progress import bytes_text
from disbench.transfer import partial_of


def require_disk(source: Origin, out: Path, folders: Sequence[Path]) -> None:
    """Say what will be downloaded or copied, and how much disk is free.

    Raises
    ------
    OSError
        It is too little for the files; nothing was written.
    """
    absent = [file for file in source.files if not (out / file.name).is_file()]
    if not absent:
        return
    own = {file.name: path for file in absent if (path := find_own(file, source, folders))}
    copied = sum(path.stat().st_size for path in own.values())
    wanted = [file for file in absent if file.name not in own]
    known = sum(file.expected_bytes or 0 for file in wanted)
    there = sum(part.stat().st_size for file in wanted if (part := partial_of(out / file.name)[0]).is_file())
    needed, free = max(known - there, 0) + copied, shutil.disk_usage(out).free
    unknown = [file.name for file in wanted if file.expected_bytes is None]
    steps = [f"downloads {bytes_text(known)}"] if wanted else []
    steps += [f"{', '.join(unknown)} of unpublished size"] if unknown else []
    steps += [f"copies {bytes_text(copied)}"] if own else []
    say(f"{source.name}: {' and '.join(steps)} into {out}; {bytes_text(free)} are free there")
    _state_store(source, free - needed)
    if needed > free:
        raise OSError(f"{source.name}: needs {needed:,} bytes in {out}; {free:,} are free, make room first")


def _state_store(source: Origin, left: int) -> None:
    """Say how much disk the store will need on top, if a data set is made of these files."""
    made = [catalogue.find("datasets", name) for name in catalogue.names("datasets")]
    sizes = [dataset.store_bytes or dataset.pixel_bytes for dataset in made if dataset.origin.name == source.name]
    if sizes:
        short = f", {bytes_text(max(sizes) - left)} more than will be left beside it" if max(sizes) > left else ""
        say(f"{source.name}: its store will need up to {bytes_text(max(sizes))} more{short}")


def find_own(file: RawFile, source: Origin, folders: Sequence[Path]) -> Path | None:
    """File that a user has already: in one of the folders, or in its folder called like the entry of sources.yaml."""
    places = [place for folder in folders for place in (folder / file.name, folder / source.name / file.name)]
    return next((place for place in places if place.is_file()), None)


def say(line: str) -> None:
    """Write a line to standard error at once."""
    print(line, file=sys.stderr, flush=True)
