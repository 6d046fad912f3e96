"""Which runs of a study are still to be done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

from disbench import catalogue, storage
from disbench.study import results
from disbench.study.execute import Task, checksum
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


def todo(runs: Sequence[Run], out: Path, data: str, *, retry_failed: bool = False, keep_tables: bool = False) -> Todo:
    """Tasks for the runs that have no result in the folder `out`; with `retry_failed`, for those that failed."""
    checksums = data_checksums(sorted({run.dataset for run in runs}), data)
    session = uuid4().hex
    tasks, num_finished, num_failed = [], 0, 0
    for run in runs:
        fingerprint = run.fingerprint(checksums[run.dataset])
        folder = out / "runs" / fingerprint
        task = Task(run, fingerprint, folder, store_of(data, run.dataset), keep_tables, session)
        path = folder / results.NAME
        if not path.is_file():
            tasks += [] if retry_failed else [task]
        elif results.read(path).status == "finished":
            num_finished += 1
        elif retry_failed:
            tasks.append(replace(task, replaces=checksum(path)))
        else:
            num_failed += 1
    return Todo(tasks, num_finished, num_failed)


def _remedy(dataset: str) -> str:
    if dataset in catalogue.names("datasets"):
        return f"`dvc repro data/dvc.yaml:convert@{dataset}` makes it in data/zarr, --data says where else to look"
    return catalogue.no_such("data set", dataset, catalogue.names("datasets"))
