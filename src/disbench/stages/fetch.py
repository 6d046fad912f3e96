"""Fetch: the raw files of a data set, checked, in one folder."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from disbench import catalogue, files
from disbench.datasets._origin import Origin, RawFile, origin, origins
from disbench.download import DownloadError, download
from disbench.stages._room import find_own, require_disk, say
from disbench.transfer import partial_of

RECORD = "fetched.json"
_PIECE = 1 << 20


def fetch(name: str, out: Path | None = None, *, mirrors: Sequence[str] = (), folders: Sequence[Path] = ()) -> Path:
    """Fetch the raw files of a data set, or of one entry of sources.yaml, and return their folder.

    Files that are there already are checked and kept, so files put there by hand count.

    Parameters
    ----------
    name
        Of a data set, or of an entry of sources.yaml, such as `dsprites_npz`.
    out
        Folder to put them into; by default data/raw/ and the name of the entry.
    mirrors
        Addresses of folders that have the files, tried before the published ones.
    folders
        Folders that may have the files already, by their published names; they are copied.

    Raises
    ------
    ValueError
        A file that is there has another size or checksum than the published one.
    OSError
        A file cannot be downloaded, or there is not enough free disk.
    """
    found = find_origin(name)
    out = Path("data/raw", found.name) if out is None else out
    fetch_files(found, out, mirrors=mirrors, folders=folders)
    return out


def find_origin(name: str) -> Origin:
    """Entry of sources.yaml of this name, or the one of the data set of this name."""
    if name in origins():
        return origin(name)
    if ":" not in name and name not in catalogue.names("datasets"):
        raise ValueError(catalogue.no_such("data set", name, sorted({*catalogue.names("datasets"), *origins()})))
    found: Origin = catalogue.find("datasets", name).origin
    return found


def fetch_files(
    source: Origin, out: Path, *, mirrors: Sequence[str] = (), folders: Sequence[Path] = (), **options: Any
) -> None:
    """Fetch every file of an origin; `options` are those of `download`."""
    out.mkdir(parents=True, exist_ok=True)
    recorded = _read_record(out)
    require_disk(source, out, folders)
    record = {}
    for file in source.files:
        pinned = _with_record(file, recorded)
        try:
            _obtain(pinned, source, out, mirrors, folders, options)
        except (ValueError, DownloadError) as error:
            if pinned == file:
                raise
            raise type(error)(
                f"{error}\nNobody has published a checksum of {file.name}; the one expected is that of the first "
                f"download, in {out / RECORD}: delete that too if its authors have replaced the file"
            ) from error
        record[file.name] = {
            "bytes": (out / file.name).stat().st_size,
            "sha256": pinned.sha256 if file.sha256 else _digest(out / file.name, "sha256"),
            "published_checksum": file.sha256 is not None or file.md5 is not None,
        }
        if not record[file.name]["published_checksum"] and file.name not in recorded:
            say(
                f"{source.name}: nobody has published a checksum of {file.name}; recorded SHA-256 "
                f"{record[file.name]['sha256']} in {out / RECORD}, to compare with"
            )
    files.write_json(out / RECORD, {"name": source.name, "files": record})
    _remove_leftovers(source, out)


def check_file(path: Path, file: RawFile, shown: Path | None = None) -> None:
    """Raise ValueError unless size and checksums are those that are known."""
    shown = shown or path
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        raise ValueError(f"{shown} has {size:,} bytes, expected {file.bytes:,}")
    for kind, expected in (("SHA-256", file.sha256), ("MD5", file.md5)):
        if expected is not None:
            found = _digest(path, kind.replace("-", "").lower())
            if found != expected:
                raise ValueError(f"{shown} has {kind} {found}, expected {expected}")
            return


def _obtain(
    file: RawFile,
    source: Origin,
    out: Path,
    mirrors: Sequence[str],
    folders: Sequence[Path],
    options: dict[str, Any],
) -> None:
    path = out / file.name
    own = find_own(file, source, folders)
    if path.is_file():
        _check_own(path, file, f"delete it and fetch {source.name} again")
    elif own is not None:
        _check_own(own, file, "it is not the published file")
        temporary = _copy_of(path)
        shutil.copyfile(own, temporary)
        temporary.replace(path)
    else:
        urls = [f"{mirror.rstrip('/')}/{file.name}" for mirror in mirrors] + list(file.urls)
        try:
            download(
                urls,
                path,
                lambda partial: check_file(partial, file, path),
                num_bytes=file.bytes,
                pinned=file.sha256 is not None or file.md5 is not None,
                **options,
            )
        except DownloadError as error:
            raise DownloadError(f"{source.name}: {error}\n{_by_hand(file, out)}") from error


def _check_own(path: Path, file: RawFile, remedy: str) -> None:
    try:
        check_file(path, file)
    except ValueError as error:
        raise ValueError(f"{error}; {remedy} (if its authors have replaced it, correct sources.yaml)") from error


def _by_hand(file: RawFile, out: Path) -> str:
    known = {"bytes": file.bytes and f"{file.bytes:,}", "SHA-256": file.sha256, "MD5": file.md5}
    facts = ", ".join(f"{key} {value}" for key, value in known.items() if value)
    return (
        f"Get {file.name}{f' ({facts})' if facts else ''} elsewhere, put it into {out}/ and run the same again; "
        "or name a folder that has it with --from or in the environment variable DISBENCH_RAW."
    )


def _remove_leftovers(source: Origin, out: Path) -> None:
    """Remove what killed processes left: DVC would keep it as part of the folder."""
    for file in source.files:
        target = out / file.name
        partial, note = partial_of(target)
        for leftover in (partial, note, note.with_name(f".{note.name}.tmp"), _copy_of(target)):
            leftover.unlink(missing_ok=True)


def _copy_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.copy")


def _read_record(out: Path) -> dict[str, Any]:
    if not (out / RECORD).is_file():
        return {}
    record: dict[str, Any] = json.loads((out / RECORD).read_text(encoding="utf-8"))["files"]
    return record


def _with_record(file: RawFile, recorded: dict[str, Any]) -> RawFile:
    """Return the file with the checksum of an earlier download, if none is published."""
    if file.sha256 or file.md5 or file.name not in recorded:
        return file
    return RawFile(file.name, file.urls, recorded[file.name]["bytes"], recorded[file.name]["sha256"])


def _digest(path: Path, kind: str) -> str:
    digest = hashlib.new(kind, usedforsecurity=False)
    for piece in _pieces(path):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
