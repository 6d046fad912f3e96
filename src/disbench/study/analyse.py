"""What the published study asks of its 12,600 runs. Each answer is a tidy frame: a row for each number.

Locatello et al., "Challenging common assumptions in the unsupervised learning of disentangled representations", ICML
2019, section 5. All correlations are Spearman's, each over the runs that have both values.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from disbench.study.columns import UNSUPERVISED, hyperparameters, score_columns, side_by_side, training

ALL_DATASETS = "all data sets"


def score_correlations(results: pd.DataFrame, *, scores: Sequence[str] | None = None) -> pd.DataFrame:
    """How far metrics rank the runs alike, within each data set and, with more than one, across `all data sets`.

    Returns
    -------
    pandas.DataFrame
        `dataset`, `representation`, `score_a`, `score_b`, `correlation`, missing if one of both is constant,
        `num_runs`.
    """
    wide = side_by_side(results, scores)
    names = score_columns(wide)
    return _correlations(wide, names, names, ("score_a", "score_b"))


def unsupervised_correlations(results: pd.DataFrame, *, scores: Sequence[str] | None = None) -> pd.DataFrame:
    """How far what needs no labels (parts of the loss, the metric `unsupervised`) ranks the runs as other scores do.

    Returns
    -------
    pandas.DataFrame
        `dataset`, `representation`, `unsupervised`, `supervised`, `correlation`, `num_runs`.
    """
    wide = side_by_side(results, scores).merge(training(results), on="fingerprint", validate="m:1")
    unsupervised = [name for name in score_columns(wide) if name.startswith(UNSUPERVISED)]
    supervised = [name for name in score_columns(wide) if not name.startswith(UNSUPERVISED)]
    return _correlations(wide, unsupervised, supervised, ("unsupervised", "supervised"))


def hyperparameter_scores(results: pd.DataFrame, *, scores: Sequence[str] | None = None) -> pd.DataFrame:
    """Distribution of each score over the runs with one value of one hyper-parameter.

    Returns
    -------
    pandas.DataFrame
        `dataset`, `representation`, `objective`, `hyperparameter`, `value`, `score`, `num_runs`, `mean`, `std` (of one
        run missing), `min`, `q25`, `median`, `q75`, `max`. No rows if no hyper-parameter varies.
    """
    wide = side_by_side(results, scores)
    long = _melted(wide).merge(hyperparameters(results).rename(columns={"value": "setting_value"}), on="fingerprint")
    keys = ["dataset", "representation", "objective", "hyperparameter", "setting_value", "score"]
    groups = long.groupby(keys, sort=False)["value"]
    moments = groups.agg(num_runs="size", mean="mean", std="std", min="min", median="median", max="max")
    quartiles = {"q25": groups.quantile(0.25), "q75": groups.quantile(0.75)}
    columns = ["num_runs", "mean", "std", "min", "q25", "median", "q75", "max"]
    return moments.assign(**quartiles)[columns].reset_index().rename(columns={"setting_value": "value"})


def variance_explained(results: pd.DataFrame, *, scores: Sequence[str] | None = None) -> pd.DataFrame:
    """Shares of the variance of a score that the choice of objective, of the whole setting, and of the seed explain.

    Returns
    -------
    pandas.DataFrame
        `dataset`, `representation`, `score`, `objective`, `setting` (objective and hyper-parameters together), `seed`
        (the rest, 1 - setting), `num_settings`, `num_runs`. Shares are in [0, 1], missing for a constant score. They
        are those of the runs at hand: with few seeds the setting explains part of what is chance.
    """
    rows = []
    for (dataset, representation, score), group in _melted(side_by_side(results, scores)).groupby(
        ["dataset", "representation", "score"], sort=False
    ):
        shares = {name: _share_between(group, name) for name in ("objective", "setting")}
        rows.append(
            {"dataset": dataset, "representation": representation, "score": score, **shares,
             "seed": 1 - shares["setting"], "num_settings": group["setting"].nunique(), "num_runs": len(group)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def dataset_correlations(results: pd.DataFrame, *, scores: Sequence[str] | None = None) -> pd.DataFrame:
    """How far two data sets rank settings alike, each setting by its mean score over the seeds.

    Returns
    -------
    pandas.DataFrame
        `representation`, `score`, `dataset_a`, `dataset_b`, `correlation`, `num_settings` that both have.
    """
    rows = []
    for (representation, score), group in _melted(side_by_side(results, scores)).groupby(
        ["representation", "score"], sort=False
    ):
        means = group.pivot_table(index="setting", columns="dataset", values="value", aggfunc="mean", sort=False)
        matrix, counts = means.corr(method="spearman"), num_of_both(means)
        rows += [
            {"representation": representation, "score": score, "dataset_a": a, "dataset_b": b,
             "correlation": matrix.at[a, b], "num_settings": counts.at[a, b]}
            for a, b in product(means, means)
        ]  # fmt: skip
    return pd.DataFrame(rows)


def _melted(wide: pd.DataFrame) -> pd.DataFrame:
    keys = [name for name in wide if name not in score_columns(wide)]
    return wide.melt(id_vars=keys, var_name="score", value_name="value").dropna(subset="value")


def _share_between(group: pd.DataFrame, by: str) -> float:
    values = group["value"].to_numpy()
    total = float(((values - values.mean()) ** 2).sum())
    means = group.groupby(by)["value"].transform("mean").to_numpy()
    return float(((means - values.mean()) ** 2).sum()) / total if np.ptp(values) > 0 else float("nan")


def _correlations(
    wide: pd.DataFrame, first: Sequence[str], second: Sequence[str], columns: tuple[str, str]
) -> pd.DataFrame:
    names = list(dict.fromkeys([*first, *second]))
    rows: list[dict[str, Any]] = []
    for representation, of_representation in wide.groupby("representation", sort=False):
        groups = list(of_representation.groupby("dataset", sort=False))
        if len(groups) > 1:
            groups.append((ALL_DATASETS, of_representation))
        for dataset, group in groups:
            scores = group[names].dropna(axis="columns", how="all")
            matrix, counts = scores.corr(method="spearman"), num_of_both(scores)
            rows += [
                {"dataset": dataset, "representation": representation, columns[0]: a, columns[1]: b,
                 "correlation": matrix.at[a, b], "num_runs": counts.at[a, b]}
                for a, b in product(first, second) if a in matrix and b in matrix
            ]  # fmt: skip
    return pd.DataFrame(rows, columns=["dataset", "representation", *columns, "correlation", "num_runs"])


def num_of_both(values: pd.DataFrame) -> pd.DataFrame:
    """Number of rows that have values in both of two columns, for each pair."""
    present = values.notna().astype(int)
    return present.T @ present
