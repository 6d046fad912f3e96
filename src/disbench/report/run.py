"""A finished run, as its folder holds it."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disbench import params, storage
from disbench.models.store import read_description
from disbench.params import Params
from disbench.storage import ImageStore
from disbench.table import RepresentationTable

Scores = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Curve:
    """A logged number: its values at steps, both of one length."""

    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Run:
    """What a run was and what it left.

    Parameters
    ----------
    folder
        Of the run: params.yaml, data/ and reports/, as the pipeline lays them out.
    commit
        Of the repository around the folder; of a revision, its own.
    settings
        Its params.yaml.
    model
        Its model.json, which says what it was trained with.
    scores, training
        The scores of each metric; what training measured of reconstruction and KL divergence.
    curves
        The log of the training, by name.
    store, table
        The images that it learned from, and the codes of all of them.
    """

    folder: Path
    commit: str
    settings: Params
    model: Mapping[str, Any]
    scores: Scores
    training: Mapping[str, float]
    curves: Mapping[str, Curve]
    store: ImageStore
    table: RepresentationTable

    @property
    def model_path(self) -> Path:
        """Folder of encoder, decoder and model.json."""
        return model_path(self.folder)

    @property
    def description(self) -> Mapping[str, Any]:
        """Data, objective, hyper-parameters and versions with which the model was trained."""
        found: Mapping[str, Any] = self.model["description"]
        return found

    @property
    def title(self) -> str:
        """Objective and data set."""
        return f"{self.description['objective']} on {self.description['dataset']}"


def model_path(folder: Path) -> Path:
    """Where the pipeline leaves the model of a run."""
    return folder / "data/run/model"


def read_run(folder: Path, metrics: Sequence[str] = (), *, commit: str = "none") -> Run:
    """Read what the pipeline left in a folder.

    Parameters
    ----------
    folder
        With params.yaml.
    metrics
        Those whose scores are wanted; all that are there if none is named.
    commit
        As `Run` has it.

    Raises
    ------
    ValueError, OSError
        If the folder is not one of a finished run, or its parts belong to different runs.
    """
    if not (folder / "params.yaml").is_file():
        raise ValueError(f"{folder}: no params.yaml; expected the folder of a finished run, where `dvc repro` has run")
    settings = params.read(folder / "params.yaml")
    model = read_description(model_path(folder))
    store = storage.open_dataset(folder / f"data/zarr/{settings.dataset.name}.zarr")
    table_path = folder / "data/run/table.zarr"
    table = storage.open_table(table_path)
    _check_belongs(folder, model, store, storage.read_attributes(table_path))
    found = _read_scores(folder / "reports/metrics")
    training = found.pop("train", {})
    missing = [name for name in metrics if name not in found]
    if missing:
        raise ValueError(f"{folder / 'reports/metrics'}: no scores of {', '.join(missing)}; run `dvc repro evaluate`")
    scores = {name: found[name] for name in metrics or found}
    curves = _read_curves(folder / "reports/train")
    return Run(folder, commit, settings, model, scores, training, curves, store, table)


def _check_belongs(folder: Path, model: Mapping[str, Any], store: ImageStore, table: Mapping[str, Any]) -> None:
    trained_on = model["description"]["dataset_checksum"]
    if trained_on != store.checksum:
        raise ValueError(
            f"{folder}: the model was trained on data with {trained_on}, {store.path} has {store.checksum}; "
            "run `dvc repro`"
        )
    if table.get("encoder") != model["weights"]["encoder"]:
        raise ValueError(f"{folder}: the table of codes is another encoder's; run `dvc repro postprocess`")


def _read_scores(folder: Path) -> dict[str, dict[str, float]]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def _read_curves(folder: Path) -> dict[str, Curve]:
    return {path.stem: _read_curve(path) for path in sorted(folder.glob("plots/metrics/*.tsv"))}


def _read_curve(path: Path) -> Curve:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(int(row["step"]), float(row[path.stem])) for row in csv.DictReader(file, delimiter="\t")]
    return Curve(tuple(step for step, _ in rows), tuple(value for _, value in rows))
