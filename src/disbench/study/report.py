"""Everything that can be asked of a study, at once: frames by name, as files and as tables to read."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from disbench import files
from disbench.study import agreement, analyse, transfer
from disbench.study.columns import compared

# Frames too long to read: what is printed of them has the rows, the columns and the values of these names.
_PIVOTS = {
    "score_correlations": ("score_a", "score_b", "correlation"),
    "unsupervised_correlations": ("unsupervised", "supervised", "correlation"),
    "dataset_correlations": ("dataset_a", "dataset_b", "correlation"),
    "hyperparameter_scores": ("value", "score", "mean"),
}
_APART = ("dataset", "objective", "hyperparameter", "score")


def analyses(
    results: pd.DataFrame, *, scores: Sequence[str] | None = None, codes: Path | None = None
) -> dict[str, pd.DataFrame]:
    """Frames by the names of the functions that returned them.

    `selection_transfer` is left out where a study has one seed or one setting only. `codes` is the folder of a study
    that kept them: with it there are `udr_scores` and `udr_correlations` as well.
    """
    results = compared(results, scores)  # an eighth of the rows of the published study
    found = {
        function.__name__: function(results, scores=scores)
        for function in (
            analyse.score_correlations,
            analyse.unsupervised_correlations,
            analyse.hyperparameter_scores,
            analyse.variance_explained,
            analyse.dataset_correlations,
        )
    }
    if transfer.is_defined(results, scores=scores):
        found["selection_transfer"] = transfer.selection_transfer(results, scores=scores)
    if codes is not None:
        found["udr_scores"] = agreement.udr_scores(results, codes)
        found["udr_correlations"] = agreement.udr_correlations(found["udr_scores"], results, scores=scores)
    return found


def write_analyses(frames: dict[str, pd.DataFrame], folder: Path) -> list[Path]:
    """Write each frame as CSV, and all of them as records in analysis.json; returns the paths."""
    paths = []
    for name, frame in frames.items():
        paths.append(folder / f"{name}.csv")
        files.write_bytes(paths[-1], frame.to_csv(index=False).encode())
    paths.append(folder / "analysis.json")
    files.write_json(paths[-1], {name: json.loads(frame.to_json(orient="records")) for name, frame in frames.items()})
    return paths


def readable(name: str, frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Small tables, with titles, that say what a frame of one representation says."""
    if name == "udr_scores":
        by_setting = frame.groupby(["dataset", "setting"], sort=False)["udr"]
        return [(name, by_setting.agg(["size", "min", "median", "max"]).reset_index())]
    if name not in _PIVOTS or frame.empty:
        return [(name, frame)]
    rows, columns, values = _PIVOTS[name]
    apart = [key for key in _APART if key in frame and key not in (rows, columns)]
    return [
        (
            " ".join([name, *map(str, keys)]),
            group.pivot(index=rows, columns=columns, values=values)
            .reindex(index=group[rows].unique(), columns=group[columns].unique())
            .reset_index(),
        )
        for keys, group in frame.groupby(apart, sort=False)
    ]
