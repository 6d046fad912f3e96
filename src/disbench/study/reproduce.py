"""One model of a study with everything that belongs to it, or an encoder measured as a study measures."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from disbench import files, params, storage
from disbench.params import TrainParams
from disbench.study.compute import compute, encode, evaluate, forget, write_representations
from disbench.study.execute import Task, write
from disbench.study.results import RunResult
from disbench.study.runs import Run
from disbench.study.tasks import data_checksums, store_of

MetricSeeds = Literal["by_name", "drawn"]


def varied(run: Run, *, num_steps: int | None = None, metric_seeds: MetricSeeds | None = None) -> Run:
    """The same run with another number of steps, or with other seeds of metrics."""
    if num_steps is not None:
        run = replace(run, train=TrainParams.model_validate({**run.train.model_dump(), "num_steps": num_steps}))
    return run if metric_seeds is None else replace(run, metric_seeds=metric_seeds)


def reproduce(run: Run, folder: Path, data: str) -> RunResult:
    """Train, encode and score one model of a study; go on where an earlier attempt at the same run stopped.

    Parameters
    ----------
    run
        The model.
    folder
        For everything that comes of it; what another run left there is removed.
    data
        Folder or address of the image stores.

    Raises
    ------
    ValueError
        There is no store of the data set, or training diverged.
    """
    fingerprint = run.fingerprint(data_checksums([run.dataset], data)[run.dataset])
    task = Task(run, fingerprint, folder, store_of(data, run.dataset), keep_tables=True)
    result = compute(task)
    write(task, result)
    return result


def images(run: Run, data: str) -> Path:
    """Path of the store of a run's data set; of one at an address, that of its copy here."""
    return storage.local_copy(store_of(data, run.dataset))


def require_pictures() -> None:
    """Raise ValueError unless pictures can be drawn, so that it is known before anything is trained."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ValueError("pictures need matplotlib: pip install 'disbench[report]', or leave them out: --no-pictures")


def measure(encoder: Path, run: Run, folder: Path, data: str) -> dict[str, dict[str, dict[str, float]]]:
    """Encode with a trained encoder and score as a study does; nothing is trained.

    Parameters
    ----------
    encoder
        Folder of a model.
    run
        Any run of the study on the encoder's data set; how it trains does not matter.
    folder
        For representations, scores and `scores.json`; what an earlier measurement of the encoder left there is
        replaced.
    data
        Folder or address of the image stores.

    Raises
    ------
    ValueError
        There is no store of the data set, the encoder does not fit its images, or the folder has something else.
    """
    _require_own(folder, encoder)
    data_checksums([run.dataset], data)
    store = images(run, data)
    folder.mkdir(parents=True, exist_ok=True)
    params_path = folder / "params.yaml"
    params.write(params_path, run.params)
    forget(folder)
    table = encode(folder, encoder, params_path, store)
    params_path.unlink()  # it tells how the study would have trained
    scores = evaluate(run, table, folder / "metrics")
    write_representations(run, table, folder)
    files.write_json(folder / "scores.json", {"encoder": str(encoder), "dataset": run.dataset, "scores": scores})
    return scores


def _require_own(folder: Path, encoder: Path) -> None:
    """Raise ValueError if a folder has a model that a study trained, or scores of another encoder."""
    if (folder / "fingerprint").is_file() or (folder / "model.json").is_file():
        raise ValueError(f"{folder}: there is a trained model, which would be lost; say where to with another --out")
    path = folder / "scores.json"
    if path.is_file() and Path(other := files.read_json(path)["encoder"]).resolve() != encoder.resolve():
        raise ValueError(f"{folder}: there are the scores of the encoder {other}; say where to with another --out")


def dataset_of(encoder: Path) -> str | None:
    """Name of the data set that an encoder was trained on, if its description tells."""
    from disbench.models.store import read_description

    description: dict[str, Any] = read_description(encoder).get("description", {})
    name = description.get("dataset")
    return name if isinstance(name, str) else None
