"""Rows of a study's results, as `disbench.study` reads them."""

from typing import Any

import pandas as pd

from disbench.report.comparison import Row, as_cell, explained

_NOT_PARAMETERS = ("training", "seconds", "versions")
_LABELS = ("representation", "metric", "score", "value")


def study_rows(results: pd.DataFrame) -> list[Row]:
    """One row for each run and representation, in the order of the runs' numbers.

    Parameters
    ----------
    results
        One row for each run, representation and score.

    Raises
    ------
    ValueError
        If there are none.
    """
    if results.empty:
        raise ValueError("expected a study with finished runs; there is none")
    keys = ["number", "fingerprint", "representation"]
    return [_row(group) for _, group in results.groupby(keys, observed=True)]


def _row(group: pd.DataFrame) -> Row:
    first: dict[str, Any] = group.iloc[0].to_dict()
    given = {key: value for key, value in first.items() if key not in _LABELS and not pd.isna(value)}
    parameters = {_short(key): as_cell(value) for key, value in given.items() if _is_parameter(key)}
    scores: dict[str, dict[str, float]] = {}
    for metric, score, value in zip(group["metric"], group["score"], group["value"], strict=True):
        if not pd.isna(value):
            scores.setdefault(str(metric), {})[str(score)] = float(value)
    name = f"run {first['number']}"
    return Row(name, parameters | {"representation": str(first["representation"])}, explained(scores))


def _is_parameter(name: str) -> bool:
    group, dot, _ = name.partition(".")
    return bool(dot) and group not in _NOT_PARAMETERS


def _short(name: str) -> str:
    """`train.seed` is `seed`, `dataset.name` is `dataset`; an objective's option keeps the objective's name."""
    if name == "dataset.name":
        return "dataset"
    return name.removeprefix("train.").removeprefix("objectives.")
