"""The scores of a study's runs as figures need them: one row a run, one column a score."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from disbench.study.columns import headlines, varied_hyperparameters

if TYPE_CHECKING:
    import pandas as pd

_TRAINING = ("training.reconstruction", "training.kl", "training.elbo")


@dataclass(frozen=True, eq=False)
class StudyFrame:
    """Runs of a study.

    Parameters
    ----------
    runs
        A row for each run; columns `dataset` and `objective`, one for each score, one for each hyper-parameter.
    supervised, unsupervised
        Columns of scores that do and do not need factors; the latter include parts of the loss.
    hyperparameters
        By objective, the columns of those that take several values.
    """

    runs: "pd.DataFrame"
    supervised: tuple[str, ...]
    unsupervised: tuple[str, ...]
    hyperparameters: dict[str, tuple[str, ...]]

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of data sets, in order."""
        return tuple(sorted(set(self.runs["dataset"])))

    @property
    def objectives(self) -> tuple[str, ...]:
        """Names of objectives, in order."""
        return tuple(sorted(set(self.runs["objective"])))


def study_frame(results: "pd.DataFrame", representation: str = "mean") -> StudyFrame:
    """Arrange what `disbench.load_results` returns, the scores of one representation.

    Raises
    ------
    ValueError
        If no run has scores of the representation.
    """
    rows = results[results["representation"].astype(str) == representation]
    if rows.empty:
        found = sorted(set(results["representation"].astype(str)))
        raise ValueError(f"expected scores of the representation {representation!r}; these results have {found}")
    rows = rows.assign(metric=rows["metric"].astype(str), score=rows["score"].astype(str))
    chosen = _headlines(rows)
    names = [
        metric if metric != "unsupervised" else score
        for metric, score in zip(chosen["metric"], chosen["score"], strict=True)
    ]
    wide = chosen.assign(name=names).pivot(index="fingerprint", columns="name", values="value")
    first = rows.drop_duplicates("fingerprint").set_index("fingerprint")
    parts = {name.removeprefix("training."): first[name].astype(float) for name in _TRAINING if name in first}
    runs = wide.assign(
        dataset=first["dataset.name"].astype(str), objective=first["train.objective"].astype(str), **parts
    )
    varied = {
        str(objective): tuple(varied_hyperparameters(group, str(objective)))
        for objective, group in first.groupby("train.objective", observed=True)
    }
    runs = runs.join(first[[name for found in varied.values() for name in found]])
    free = set(chosen.loc[chosen["metric"] == "unsupervised", "score"])
    return StudyFrame(
        runs.sort_index(),
        tuple(name for name in sorted(wide) if name not in free),
        (*parts, *(name for name in sorted(wide) if name in free)),
        varied,
    )


def _headlines(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Rows of one score for each metric, and of all that measure the codes without factors."""
    pairs = rows[["metric", "score"]].drop_duplicates()
    wanted = {metric: headlines(metric, list(group["score"])) for metric, group in pairs.groupby("metric", sort=False)}
    first = {metric: names if metric == "unsupervised" else names[:1] for metric, names in wanted.items()}
    return rows[[score in first[metric] for metric, score in zip(rows["metric"], rows["score"], strict=True)]]
