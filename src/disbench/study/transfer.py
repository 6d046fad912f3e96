"""How far choosing a setting on one seed, metric or data set helps on another."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from disbench import catalogue
from disbench.study.columns import UNSUPERVISED, score_columns, side_by_side

Floats = NDArray[np.float64]


def selection_transfer(results: pd.DataFrame, *, scores: Sequence[str] | None = None) -> pd.DataFrame:
    """Probability that the setting which is best on one seed beats a setting drawn at random on another seed.

    Both are compared by the metric and on the data set that chose, by another metric, on another data set, or both.
    The probability is exact: the mean over all metrics, data sets and pairs of seeds, not an estimate from draws. A tie
    counts half, and so does drawing the chosen setting itself.

    Returns
    -------
    pandas.DataFrame
        `representation`, `same_score`, `same_dataset`, `probability`, `num_comparisons`; only kinds of comparisons that
        the study has.

    Raises
    ------
    ValueError
        If there are fewer than two seeds or settings that all data sets have.

    Notes
    -----
    Locatello et al., ICML 2019, table 1.
    """
    wide = side_by_side(results, scores)
    names = _supervised(wide)
    frames = [
        _of_representation(group, names).assign(representation=str(representation))
        for representation, group in wide.groupby("representation", sort=False, observed=True)
    ]
    found = pd.concat(frames, ignore_index=True)
    return found[["representation", "same_score", "same_dataset", "probability", "num_comparisons"]]


def _of_representation(wide: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    chances = _chances(_values(wide, names))
    num_scores, num_datasets, _, num_seeds = chances.shape
    sums, counts = np.zeros((2, 2)), np.zeros((2, 2), int)
    for score, dataset, seed in np.ndindex(num_scores, num_datasets, num_seeds):
        best = chances[score, dataset, :, seed].argmax()
        others = np.delete(chances[:, :, best], seed, axis=-1).sum(axis=-1)  # (num_scores, num_datasets)
        same = np.zeros((2, 2))
        same[1, 1] = others[score, dataset]
        same[1, 0] = others[score].sum() - others[score, dataset]
        same[0, 1] = others[:, dataset].sum() - others[score, dataset]
        same[0, 0] = others.sum() - others[score].sum() - others[:, dataset].sum() + others[score, dataset]
        sums += same
        counts += np.outer([num_scores - 1, 1], [num_datasets - 1, 1]) * (num_seeds - 1)
    rows = [
        {"same_score": bool(i), "same_dataset": bool(j), "probability": sums[i, j] / counts[i, j],
         "num_comparisons": counts[i, j]}
        for i, j in ((1, 1), (1, 0), (0, 1), (0, 0)) if counts[i, j]
    ]  # fmt: skip
    return pd.DataFrame(rows)


def is_defined(results: pd.DataFrame, *, scores: Sequence[str] | None = None) -> bool:
    """Whether there are two settings and two seeds that all data sets have, and a score that needs labels."""
    wide = side_by_side(results, scores)
    names = _supervised(wide)
    return bool(names) and all(
        min(_whole(group, names).shape[0], group["seed"].nunique()) > 1
        for _, group in wide.groupby("representation", sort=False)
    )


def _supervised(wide: pd.DataFrame) -> list[str]:
    return [name for name in score_columns(wide) if not name.startswith(UNSUPERVISED)]


def _whole(wide: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """A row for each setting of which no run is missing, columns by score, data set and seed."""
    table = wide.pivot_table(index="setting", columns=["dataset", "seed"], values=list(names), observed=True)
    order = [names, wide["dataset"].unique(), sorted(wide["seed"].unique())]
    return table.reindex(columns=pd.MultiIndex.from_product(order)).dropna()


def _values(wide: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Scores (num_scores, num_datasets, num_settings, num_seeds) of the settings of which no run is missing.

    More is better: those of which less is, unfairness say, have their sign changed.
    """
    whole = _whole(wide, names)
    num_datasets, num_seeds = wide["dataset"].nunique(), wide["seed"].nunique()
    if len(whole) < 2 or num_seeds < 2:
        raise ValueError(
            f"expected at least 2 settings and 2 seeds that all data sets have, to choose with one seed and compare "
            f"on another; got {len(whole)} settings and {num_seeds} seeds"
        )
    values = whole.to_numpy(np.float64).T.reshape(len(names), num_datasets, num_seeds, len(whole))
    signs = [-1.0 if catalogue.less_is_better(*name.rsplit(".", 1)) else 1.0 for name in names]
    return np.asarray(values.swapaxes(2, 3) * np.array(signs)[:, None, None, None])


def _chances(values: Floats) -> Floats:
    """Probability of each setting to beat one drawn at random, ties counting half; same shape as the values."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(values, axis=2) - 0.5) / values.shape[2])
