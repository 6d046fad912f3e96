"""Commands about the files of a workspace as a whole: verify and clean."""

from pathlib import Path
from typing import Annotated

import typer

Folders = Annotated[list[Path] | None, typer.Argument(help="Folders to look into; by default data and reports.")]

_FOLDERS = (Path("data"), Path("reports"))
_LOCKS = (Path("dvc.lock"), Path("data/dvc.lock"))


def verify(folders: Folders = None) -> None:
    """Read every store, model, checkpoint and raw file again, and compare every checksum."""
    from disbench.workspace import verify

    locks = () if folders else _LOCKS
    num_found, mistakes = 0, []
    for found in verify(_existing(folders), locks):
        num_found += 1
        typer.echo(f"{'damaged' if found.mistake else 'whole':<9}{found.what:<20}{found.path}")
        if found.mistake:
            mistakes.append(found.mistake)
    if mistakes:
        raise ValueError(f"{len(mistakes)} of {num_found} artefacts are damaged:\n" + "\n".join(mistakes))
    typer.echo(f"{num_found} artefacts are whole.")


def clean(
    folders: Folders = None,
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="Also remove checkpoints of unfinished runs: they start from step 0.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
) -> None:
    """Remove what killed processes left: temporary files, parts of downloads. Run it while no stage is running."""
    from disbench.progress import bytes_text
    from disbench.workspace import find_leftovers, remove

    found = find_leftovers(_existing(folders), checkpoints=checkpoints)
    for leftover in found:
        typer.echo(f"{bytes_text(leftover.num_bytes):>10}  {leftover.path}")
        if not dry_run:
            remove(leftover)
    total = bytes_text(sum(leftover.num_bytes for leftover in found))
    typer.echo(f"{len(found)} leftovers, {total}: {'nothing was removed' if dry_run or not found else 'removed'}.")


def _existing(folders: list[Path] | None) -> tuple[Path, ...]:
    missing = [folder for folder in folders or () if not folder.is_dir()]
    if missing:
        raise ValueError(f"{missing[0]}: no such folder")
    return tuple(folders) if folders else _FOLDERS
