"""How far runs that differ in their seed alone agree: a ranking without labels, and what it is worth."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pandas as pd

from disbench import catalogue, storage
from disbench.seeds import derive_rng
from disbench.study.analyse import num_of_both
from disbench.study.columns import runs_of, score_columns, side_by_side
from disbench.table import RepresentationTable

_TABLES = ("sampled.zarr", "mean.zarr")  # with the variances, which tell informative latents, and without


def udr_scores(
    results: pd.DataFrame,
    study: Path,
    *,
    num_points: int = 10_000,
    correlation: Literal["lasso", "spearman"] = "lasso",
    seed: int = 0,
) -> pd.DataFrame:
    """Unsupervised disentanglement ranking of each run among those of its data set and setting.

    Parameters
    ----------
    results
        As `load_results` returns it.
    study
        Folder of the study, whose runs kept their codes (`--keep-tables`); runs without are left out, and so are
        settings with codes of one run only.
    num_points, correlation
        As the metric `udr` has them.
    seed
        The points drawn are derived from it, the same in each setting of a data set.

    Returns
    -------
    pandas.DataFrame
        `dataset`, `objective`, `setting`, `seed`, `fingerprint`, `udr`, `num_runs` of the setting.

    Raises
    ------
    ValueError
        If it is no folder, or no two runs of a setting kept their codes.
    """
    if not study.is_dir():
        raise ValueError(f"{study}: the codes to compare are in the folder of a study; give that, not its table")
    udr = catalogue.find("metrics", "udr")
    frames = []
    for (dataset, _), group in runs_of(results).groupby(["dataset", "setting"], sort=False):
        paths = {name: path for name in group["fingerprint"] if (path := _table_path(study, name)) is not None}
        if len(paths) > 1:
            tables = [_posterior(path) for path in paths.values()]
            rng = derive_rng(seed, f"udr {dataset}")
            found = udr(tables, rng, num_points=num_points, correlation=correlation)
            scores = [found[f"model_scores.{index}"] for index in range(len(paths))]
            kept = group[group["fingerprint"].isin(paths)]
            frames.append(kept.assign(udr=scores, num_runs=len(paths)))
    if not frames:
        raise ValueError(
            f"{study}: expected the codes of at least two runs that differ in their seed alone; run the study with "
            "--keep-tables"
        )
    columns = ["dataset", "objective", "setting", "seed", "fingerprint", "udr", "num_runs"]
    return pd.concat(frames, ignore_index=True)[columns]


def udr_correlations(
    ranking: pd.DataFrame, results: pd.DataFrame, *, scores: Sequence[str] | None = None
) -> pd.DataFrame:
    """How far the ranking without labels orders the runs of a data set as each score does.

    Parameters
    ----------
    ranking
        As `udr_scores` returns it.

    Returns
    -------
    pandas.DataFrame
        `dataset`, `representation`, `score`, `correlation` (Spearman's; missing if one is constant), `num_runs`.
    """
    wide = side_by_side(results, scores)
    names = score_columns(wide)
    both = wide.merge(ranking[["fingerprint", "udr"]], on="fingerprint", validate="m:1")
    rows = []
    for (dataset, representation), group in both.groupby(["dataset", "representation"], sort=False):
        values = group[[*names, "udr"]].dropna(axis="columns", how="all")
        matrix, counts = values.corr(method="spearman"), num_of_both(values)
        rows += [
            {"dataset": dataset, "representation": representation, "score": name,
             "correlation": matrix.at[name, "udr"], "num_runs": counts.at[name, "udr"]}
            for name in names if name in values
        ]  # fmt: skip
    return pd.DataFrame(rows)


def _table_path(study: Path, fingerprint: str) -> Path | None:
    folder = study / "runs" / fingerprint / "representations"
    return next((folder / name for name in _TABLES if (folder / name).is_dir()), None)


def _posterior(path: Path) -> RepresentationTable:
    return replace(storage.open_table(path), kind="mean")
