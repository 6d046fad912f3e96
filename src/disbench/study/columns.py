"""What the columns of a study's table mean to an analysis: data set, setting, seed, and scores side by side."""

from collections.abc import Sequence
from typing import cast

import pandas as pd

from disbench import catalogue
from disbench.study.results import GROUPS
from disbench.study.runs import NOT_IDENTIFYING

# The number by which each metric is compared in Locatello et al., ICML 2019; of another metric, all of them.
_HEADLINES = {
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
    "fairness": ("mean_fairness:mean_pred:mean_sens",),
}
_DOWNSTREAM = ("downstream_boosted_trees", "downstream_logistic_regression")
_OF_A_SAMPLE = ":mean_test_accuracy"
UNSUPERVISED = ("training.", "unsupervised.")
RUN = ["dataset", "representation", "objective", "setting", "seed", "fingerprint"]


def headlines(metric: str, scores: Sequence[str]) -> tuple[str, ...]:
    """Those of a metric's scores by which it is compared; of a downstream task, accuracy with the largest sample."""
    found = tuple(name for name in _HEADLINES.get(metric, ()) if name in scores)
    if metric in _DOWNSTREAM:
        sizes = [name.removesuffix(_OF_A_SAMPLE) for name in scores if name.endswith(_OF_A_SAMPLE)]
        found = (f"{max(sizes, key=int)}{_OF_A_SAMPLE}",) if sizes else ()
    return found or tuple(scores)


def compared(results: pd.DataFrame, scores: Sequence[str] | None = None) -> pd.DataFrame:
    """Rows of the scores `metric.score` that are named, by default of the `headlines` of each metric.

    Raises
    ------
    ValueError
        If there are no scores, or none of a name.
    """
    names = _names(results)
    return results[names.isin(_wanted(results, names, scores))]


def _names(results: pd.DataFrame) -> pd.Series:
    """`metric.score` of each row, as a category: a study has millions of rows, and hundreds of names."""
    which = results.groupby(["metric", "score"], observed=True, sort=False).ngroup().to_numpy()
    pairs = results[["metric", "score"]].drop_duplicates()
    known = [f"{metric}.{score}" for metric, score in pairs.itertuples(index=False)]
    return pd.Series(pd.Categorical.from_codes(which, known), results.index)


def _wanted(results: pd.DataFrame, names: pd.Series, scores: Sequence[str] | None) -> list[str]:
    if results.empty:
        raise ValueError("expected scores of at least one finished run; got none")
    known = list(names.cat.categories)
    if unknown := [name for name in scores or () if name not in known]:
        raise ValueError(catalogue.no_such("score in these results", unknown[0], known))
    if scores:
        return list(dict.fromkeys(scores))
    pairs = results[["metric", "score"]].drop_duplicates().astype(str)
    by_metric = {str(metric): list(group["score"]) for metric, group in pairs.groupby("metric", sort=False)}
    return [f"{metric}.{score}" for metric, own in by_metric.items() for score in headlines(metric, own)]


def side_by_side(results: pd.DataFrame, scores: Sequence[str] | None = None) -> pd.DataFrame:
    """One row for each run and representation: `RUN`, and a column `metric.score` for each score.

    Parameters
    ----------
    results
        As `load_results` returns it.
    scores
        Names `metric.score` to keep; by default the `headlines` of each metric.

    Raises
    ------
    ValueError
        If there are no scores, or none of a name.
    """
    names = _names(results)
    wanted = _wanted(results, names, scores)
    rows = names.isin(wanted).to_numpy()
    chosen = results.loc[rows, ["fingerprint", "representation", "value"]]
    chosen = chosen.astype({"fingerprint": str, "representation": str}).assign(name=names.array[rows])
    wide = chosen.pivot(index=["fingerprint", "representation"], columns="name", values="value")
    wide.columns = wide.columns.astype(str)
    return runs_of(results).merge(wide[wanted].reset_index(), on="fingerprint", validate="1:m")[[*RUN, *wanted]]


def training(results: pd.DataFrame) -> pd.DataFrame:
    """What the loss of each finished model consists of: `fingerprint` and the columns `training.*` but for latents'."""
    names = [name for name in results if str(name).startswith("training.") and ".kl_latent_" not in str(name)]
    return results[["fingerprint", *names]].drop_duplicates("fingerprint").astype({"fingerprint": str})


def varied_hyperparameters(runs: pd.DataFrame, objective: str) -> list[str]:
    """Columns of the hyper-parameters of an objective that take several values among its runs, a row each."""
    prefix = f"objectives.{objective}."
    return [str(name) for name in runs if str(name).startswith(prefix) and runs[name].nunique() > 1]


def hyperparameters(results: pd.DataFrame) -> pd.DataFrame:
    """Hyper-parameters that vary within an objective: `fingerprint`, `hyperparameter`, `value`, a row for each."""
    runs = results.drop_duplicates("fingerprint")
    frames = [pd.DataFrame({"fingerprint": [], "hyperparameter": [], "value": []})]
    for objective, group in runs.groupby("train.objective", sort=False, observed=True):
        for name in varied_hyperparameters(group, str(objective)):
            values = group[["fingerprint", name]].astype({"fingerprint": str}).rename(columns={name: "value"})
            frames.append(values.assign(hyperparameter=name.removeprefix(f"objectives.{objective}.")))
    return pd.concat([frame for frame in frames if len(frame)] or frames)


def runs_of(results: pd.DataFrame) -> pd.DataFrame:
    """One row for each run: `RUN` without the representation.

    A setting is whatever the study varies and a run computes, but for data sets and the seed.

    Raises
    ------
    ValueError
        If a run is there twice: made by other code, or of other data.
    """
    results_of_runs = results.drop_duplicates("fingerprint").sort_values(["study", "number"])
    varied = _varied(results_of_runs)
    settings = [
        " ".join(
            [str(objective), *(_assignment(*item) for item in zip(varied, values, strict=True) if pd.notna(item[1]))]
        )
        for objective, *values in results_of_runs[["train.objective", *varied]].itertuples(index=False)
    ]
    runs = pd.DataFrame(
        {
            "dataset": results_of_runs["dataset.name"].astype(str),
            "objective": results_of_runs["train.objective"].astype(str),
            "setting": settings,
            "seed": results_of_runs["train.seed"],
            "fingerprint": results_of_runs["fingerprint"].astype(str),
        }
    )
    _require_once(runs)
    return runs


def _varied(runs: pd.DataFrame) -> list[str]:
    """Columns of parameters that tell settings apart: those of an objective if they vary among its own runs."""
    others = ("dataset.name", "train.objective", "train.seed", *NOT_IDENTIFYING)
    parameters = [
        name for name in map(str, runs) if "." in name and name.split(".")[0] not in GROUPS and name not in others
    ]
    of_objectives = {
        name
        for objective, group in runs.groupby("train.objective", observed=True)
        for name in varied_hyperparameters(group, str(objective))
    }
    return [
        name for name in parameters
        if (name in of_objectives if name.startswith("objectives.") else runs[name].nunique(dropna=False) > 1)
    ]  # fmt: skip


def _require_once(runs: pd.DataFrame) -> None:
    twice = runs[runs.duplicated(["dataset", "setting", "seed"], keep=False)]
    if len(twice):
        first = twice.iloc[0]
        same = twice[(twice[["dataset", "setting", "seed"]] == first[["dataset", "setting", "seed"]]).all(axis=1)]
        raise ValueError(
            f"expected each run once; got {len(same)} of {first['dataset']}, {first['setting']}, seed {first['seed']}: "
            f"{', '.join(same['fingerprint'])}. Their data or the code differ. `disbench study run --only` sets aside "
            "those that the study no longer has"
        )


def _assignment(name: str, value: object) -> str:
    return f"{name.split('.')[-1]}={value_text(value)}"


def value_text(value: object) -> str:
    """A value of a parameter, numbers as short as tells them apart."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:g}" if float(f"{value:g}") == value else repr(float(value))


def score_columns(wide: pd.DataFrame) -> list[str]:
    """Names of the scores of a frame that `side_by_side` returned."""
    return cast("list[str]", [name for name in wide if name not in RUN])
