"""What the columns of a study's table mean to an analysis: data set, setting, seed, and scores side by side."""

from collections.abc import Sequence
from typing import cast

import numpy as np
import pandas as pd

from disbench.study.results import GROUPS

# The number by which each metric is compared in Locatello et al., ICML 2019; of another metric, all of them.
HEADLINES = {
    "beta_vae": ("eval_accuracy",),
    "factor_vae": ("eval_accuracy",),
    "mig": ("discrete_mig",),
    "dci": ("disentanglement",),
    "mce": ("modularity_score",),
    "sap": ("SAP_score",),
    "irs": ("IRS",),
    "unsupervised": (
        "gaussian_total_correlation",
        "gaussian_wasserstein_correlation",
        "gaussian_wasserstein_correlation_norm",
        "mutual_info_score",
    ),
    "downstream_boosted_trees": ("10000:mean_test_accuracy",),
    "downstream_logistic_regression": ("10000:mean_test_accuracy",),
    "fairness": ("mean_fairness:mean_pred:mean_sens",),
}
UNSUPERVISED = ("training.", "unsupervised.")
RUN = ["dataset", "representation", "objective", "setting", "seed", "fingerprint"]


def side_by_side(results: pd.DataFrame, scores: Sequence[str] | None = None) -> pd.DataFrame:
    """One row for each run and representation: `RUN`, and a column `metric.score` for each score.

    Parameters
    ----------
    results
        As `load_results` returns it.
    scores
        Names `metric.score` to keep; by default those in `HEADLINES`, and all of metrics that are not there.

    Raises
    ------
    ValueError
        If there are no scores, or none of a name.
    """
    if results.empty:
        raise ValueError("expected scores of at least one finished run; got none")
    which = results.groupby(["metric", "score"], observed=True, sort=False).ngroup().to_numpy()
    firsts = results[["metric", "score"]].drop_duplicates()
    known = [f"{metric}.{score}" for metric, score in firsts.itertuples(index=False)]
    if unknown := [name for name in scores or () if name not in known]:
        raise ValueError(f"no score called {unknown[0]!r} in these results; they have {', '.join(known)}")
    wanted = list(scores) if scores else [name for name in known if _is_headline(name)]
    rows = np.isin(which, [known.index(name) for name in wanted])
    chosen = results.loc[rows, ["fingerprint", "representation", "value"]].assign(name=np.array(known)[which[rows]])
    chosen = chosen.astype({"fingerprint": str, "representation": str})
    wide = chosen.pivot(index=["fingerprint", "representation"], columns="name", values="value")[wanted]
    return runs_of(results).merge(wide.reset_index(), on="fingerprint", validate="1:m")[[*RUN, *wanted]]


def _is_headline(name: str) -> bool:
    metric, _, score = name.partition(".")
    return score in HEADLINES.get(metric, (score,))


def training(results: pd.DataFrame) -> pd.DataFrame:
    """What the loss of each finished model consists of: `fingerprint` and the columns `training.*` but for latents'."""
    names = [name for name in results if str(name).startswith("training.") and ".kl_latent_" not in str(name)]
    return results[["fingerprint", *names]].drop_duplicates("fingerprint").astype({"fingerprint": str})


def hyperparameters(results: pd.DataFrame) -> pd.DataFrame:
    """Hyper-parameters that vary within an objective: `fingerprint`, `hyperparameter`, `value`, a row for each."""
    runs = results.drop_duplicates("fingerprint")
    frames = [pd.DataFrame({"fingerprint": [], "hyperparameter": [], "value": []})]
    for objective, group in runs.groupby("train.objective", observed=True):
        prefix = f"objectives.{objective}."
        for name in [name for name in group if str(name).startswith(prefix) and group[name].nunique() > 1]:
            values = group[["fingerprint", name]].astype({"fingerprint": str}).rename(columns={name: "value"})
            frames.append(values.assign(hyperparameter=str(name).removeprefix(prefix)))
    return pd.concat([frame for frame in frames if len(frame)] or frames)


def runs_of(results: pd.DataFrame) -> pd.DataFrame:
    """One row for each run: `RUN` without the representation.

    A setting is whatever the study varies, but for data sets and seeds.
    """
    runs = results.drop_duplicates("fingerprint").sort_values(["study", "number"])
    varied = [
        name for name in runs
        if _is_parameter(str(name)) and not str(name).startswith("dataset.") and not str(name).endswith(".seed")
        and name != "train.objective" and runs[name].nunique(dropna=False) > 1
    ]  # fmt: skip
    settings = [
        " ".join(
            [str(objective), *(_assignment(*item) for item in zip(varied, values, strict=True) if pd.notna(item[1]))]
        )
        for objective, *values in runs[["train.objective", *varied]].itertuples(index=False)
    ]
    return pd.DataFrame(
        {
            "dataset": runs["dataset.name"].astype(str),
            "objective": runs["train.objective"].astype(str),
            "setting": settings,
            "seed": runs["train.seed"],
            "fingerprint": runs["fingerprint"].astype(str),
        }
    )


def _assignment(name: str, value: object) -> str:
    return f"{name.split('.')[-1]}={f'{value:g}' if isinstance(value, float) else value}"


def _is_parameter(name: str) -> bool:
    group, dot, _ = name.partition(".")
    return bool(dot) and group not in GROUPS


def score_columns(wide: pd.DataFrame) -> list[str]:
    """Names of the scores of a frame that `side_by_side` returned."""
    return cast("list[str]", [name for name in wide if name not in RUN])
