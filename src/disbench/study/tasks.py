"""Which runs of a study are still to be done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from disbench import catalogue, storage
from disbench.study import results
from disbench.study.execute import Task, identity
from disbench.study.runs import Run


@dataclass(frozen=True)
class Todo:
    """Runs that are to be done, and how many have a result already."""

    tasks: list[Task]
    num_finished: int
    num_failed: int


def store_of(data: str, dataset: str) -> str:
    """Path or address of the store of a data set in a folder of stores."""
    return f"{str(data).rstrip('/')}/{dataset}.zarr"


def data_checksums(datasets: Iterable[str], data: str) -> dict[str, str]:
    """Checksum of the store of each data set.

    Raises
    ------
    ValueError
        One or several have no store; the message says how to make each.
    """
    found, missing = {}, []
    for dataset in datasets:
        try:
            found[dataset] = str(storage.read_remote_attributes(store_of(data, dataset))["checksum"])
        except storage.StoreError as error:
            missing.append(f"{dataset}: {error}; {_remedy(dataset)}")
    if missing:
        raise ValueError("\n".join(missing))
    return found


def fingerprints(runs: Sequence[Run], data: str) -> list[str]:
    """Fingerprint of each run, of its parameters, the data that the folder or address has, and the code."""
    checksums = data_checksums(sorted({run.dataset for run in runs}), data)
    return [run.fingerprint(checksums[run.dataset]) for run in runs]


def todo(runs: Sequence[Run], out: Path, data: str, *, retry_failed: bool = False, keep_tables: bool = False) -> Todo:
    """Tasks for the runs that have no result in the folder `out`; with `retry_failed`, for those that failed."""
    session = uuid4().hex
    tasks, num_finished, num_failed = [], 0, 0
    for run, fingerprint in zip(runs, fingerprints(runs, data), strict=True):
        folder = out / "runs" / fingerprint
        task = Task(run, fingerprint, folder, store_of(data, run.dataset), keep_tables, session)
        path = folder / results.NAME
        if not path.is_file():
            tasks += [] if retry_failed else [task]
        elif results.read(path).status == "finished":
            num_finished += 1
        elif retry_failed:
            tasks.append(replace(task, replaces=identity(path)))
        else:
            num_failed += 1
    return Todo(tasks, num_finished, num_failed)


def set_aside(out: Path, wanted: Iterable[str]) -> int:
    """Move runs that the study does not have from `runs` to `former`, and back those that it has again.

    Returns
    -------
    num_moved
        How many were moved out.
    """
    runs, former, wanted = out / "runs", out / "former", set(wanted)
    for folder in former.iterdir() if former.is_dir() else ():
        if folder.name in wanted and not (runs / folder.name).exists():
            folder.rename(runs / folder.name)
    others = [folder for folder in runs.iterdir() if folder.name not in wanted] if runs.is_dir() else []
    for folder in others:
        former.mkdir(exist_ok=True)
        folder.rename(former / folder.name)
    return len(others)


def _remedy(dataset: str) -> str:
    if dataset in catalogue.names("datasets"):
        return f"`dvc repro data/dvc.yaml:convert@{dataset}` makes it in data/zarr, --data says where else to look"
    return catalogue.no_such("data set", dataset, catalogue.names("datasets"))
