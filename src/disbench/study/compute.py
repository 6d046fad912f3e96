"""One run in one folder: train, encode, score."""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from disbench import files, params, scoring, storage
from disbench.study.execute import Task, result_of
from disbench.study.results import NAME, RunResult
from disbench.study.runs import Run
from disbench.table import RepresentationTable
from disbench.training.stopping import stop_if_asked

_SHARE = "seconds.json"
_OF_A_RUN = (
    "model", "metrics", "representations", "pictures", "table.zarr", "train", "training.json", "scores.json", _SHARE,
    NAME,
)  # fmt: skip


def compute(task: Task) -> RunResult:
    """Train, encode and score, going on from what an earlier attempt at the same run left.

    Raises
    ------
    StoppedError
        If it was asked to stop; the same call goes on.
    """
    run, folder = task.run, task.folder
    params_path = _prepare(task)
    store = storage.local_copy(task.store)
    seconds: dict[str, float] = {}
    share = folder / _SHARE  # of the time of a training together
    with _timed(seconds, "train"):
        training = _train(folder, params_path, store)
    seconds["train"] += files.read_json(share)["train"] if share.is_file() else 0
    stop_if_asked("encoding")
    with _timed(seconds, "postprocess"):
        table = encode(folder, folder / "model", params_path, store)
    with _timed(seconds, "evaluate"):
        scores = evaluate(run, table, folder / "metrics")
    if task.keep_tables:
        write_representations(run, table, folder)
    else:
        shutil.rmtree(folder / "metrics")
        shutil.rmtree(folder / "table.zarr")
    share.unlink(missing_ok=True)
    return result_of(task, status="finished", scores=scores, training=training, seconds=seconds)


def train_together(tasks: Sequence[Task]) -> list[str | None]:
    """Train several runs at once, as the stage of that name; `compute` finds the models and does the rest.

    The first has the checkpoints of all of them in its folder.

    Returns
    -------
    list
        For each run None, or why it diverged.
    """
    from disbench.stages.together import RunPaths, train_together

    paths = [
        RunPaths(_prepare(task), task.folder / "model", task.folder / "train", task.folder / "training.json")
        for task in tasks
    ]
    checkpoints = tasks[0].folder / "together"
    began = time.monotonic()
    errors = train_together(paths, store_path=storage.local_copy(tasks[0].store), checkpoints=checkpoints)
    share = (time.monotonic() - began) / len(tasks)
    for task in tasks:
        files.write_json(task.folder / _SHARE, {"train": share})
    shutil.rmtree(checkpoints)
    return [None if error is None else f"{type(error).__name__}: {error}" for error in errors]


def encode(folder: Path, model: Path, params_path: Path, store: Path) -> RepresentationTable:
    """Table of all images of the store, which is left in the folder as table.zarr."""
    from disbench.stages.postprocess import postprocess

    path = folder / "table.zarr"
    postprocess(params_path=params_path, store_path=store, model=model, table_path=path)
    return storage.open_table(path)


def evaluate(run: Run, table: RepresentationTable, folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Scores by representation and metric, each in a file of its own; one that is there is not computed again."""
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for representation in run.representations:
        codes = table.sampled() if representation == "sampled" else table
        for metric, options in run.metrics.items():
            path = folder / representation / f"{metric}.json"
            if not path.is_file():
                stop_if_asked(f"{metric} of {representation}")
                seed = run.metric_seed(representation, metric)
                files.write_json(path, scoring.evaluate(metric, codes, seed=seed, **options))
            scores.setdefault(representation, {})[metric] = files.read_json(path)
    return scores


def write_representations(run: Run, table: RepresentationTable, folder: Path) -> None:
    """Make table.zarr the mean representation, and write one from which codes are drawn beside it."""
    mean, sampled = (folder / "representations" / f"{name}.zarr" for name in ("mean", "sampled"))
    mean.parent.mkdir(exist_ok=True)
    if "sampled" in run.representations:
        described = storage.read_attributes(folder / "table.zarr")
        origin = {name: described[name] for name in ("encoder", "dataset_checksum", "precision")}
        storage.write_table(sampled, table.sampled(), origin)
    if mean.exists():
        shutil.rmtree(mean)
    (folder / "table.zarr").rename(mean)


def _train(folder: Path, params_path: Path, store: Path) -> dict[str, float]:
    from disbench.stages.train import train

    model, scores = folder / "model", folder / "training.json"
    if not (model / "model.json").is_file():  # which is written last
        train(
            params_path=params_path,
            store_path=store,
            checkpoints=folder / "checkpoints",
            model=model,
            log=folder / "train",
            scores_path=scores,
        )
    for name in ("checkpoints", "together"):
        shutil.rmtree(folder / name, ignore_errors=True)
    return dict(files.read_json(scores))


def _prepare(task: Task) -> Path:
    """Write the parameters of a run into its folder, which then has nothing of another; returns their path."""
    _forget_other_run(task.folder, task.fingerprint)
    path = task.folder / "params.yaml"
    params.write(path, task.run.params)
    return path


def _forget_other_run(folder: Path, fingerprint: str) -> None:
    """Remove what another run left in a folder that is not named after the fingerprint."""
    path = folder / "fingerprint"
    if not path.is_file() or path.read_text() != fingerprint:
        forget(folder)
        files.write_bytes(path, fingerprint.encode())


def forget(folder: Path) -> None:
    """Remove what a run left in a folder."""
    for name in _OF_A_RUN:
        found = folder / name
        shutil.rmtree(found) if found.is_dir() else found.unlink(missing_ok=True)


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[part] = time.monotonic() - began
