"""Unsupervised disentanglement ranking: agreement of several representations of the same data."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveFloat

from disbench.metrics._options import Compat, NumPoints
from disbench.metrics._scale import as_float64, standardized
from disbench.table import LabelledCodes, Table

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def udr(
    tables: Sequence[Table],
    rng: np.random.Generator,
    *,
    num_points: NumPoints = 10_000,
    correlation: Literal["lasso", "spearman"] = "lasso",
    lasso_alpha: PositiveFloat = 0.1,
    kl_threshold: NonNegativeFloat = 0.01,
    compat: Compat = "disbench",
) -> dict[str, float]:
    """Unsupervised disentanglement ranking: how far each informative latent of one model is one latent of another.

    Models are trained alike but for their seed. For each pair, R is the matrix of absolute weights of a Lasso from the
    standardised codes of one to those of the other, or of absolute rank correlations, of their informative latents:
    those with a mean KL divergence from the prior above a threshold. The score of a pair averages, over the rows and
    columns of R, the squared largest entry divided by the sum of entries; the score of a model is the median over the
    others.

    Parameters
    ----------
    tables
        One for each model, at least two, of the same states or points and with equally many latents. Without variances
        the informative latents are those that vary.
    num_points
        Points drawn, the same of all tables.
    correlation
        What R is made of.
    lasso_alpha
        Weight of the penalty of the Lasso.
    kl_threshold
        In nats.
    compat
        `reference`: average over rows and over columns, and then the two means, which differs if the models have
        different numbers of informative latents. The paper averages over rows and columns together.

    Returns
    -------
    dict
        `model_scores.i` of each model and `pairwise_disentanglement_scores.i.j` of each pair, predicting the codes of j
        from those of i; at least 0. With rank correlations 1 is the largest value, reached if latents correspond
        perfectly; the penalty of the Lasso keeps it below 1. A pair without informative latents scores 0.

    Raises
    ------
    ValueError
        For fewer than two tables (one table is not a list), or tables that do not belong together.

    Notes
    -----
    Duan et al., "Unsupervised model selection for variational disentangled representation learning", ICLR 2020,
    section 4. The reference's `udr_sklearn`.
    """
    _check(tables)
    first = tables[0]
    points = len(first.train_codes) if isinstance(first, LabelledCodes) else None
    rows = first.draw(num_points, rng) if points is None else np.arange(points)
    codes = [as_float64(table.codes(rows, rng)) for table in tables]
    masks = [_informative(table, rows, code, kl_threshold) for table, code in zip(tables, codes, strict=True)]
    codes = [standardized(code, code)[0] * mask for code, mask in zip(codes, masks, strict=True)]
    num = len(tables)
    pairs = np.zeros((num, num))
    for i in range(num):
        for j in range(num):
            if i != j:
                matrix = (
                    rank_correlations(codes[i], codes[j])
                    if correlation == "spearman"
                    else lasso_weights(codes[i], codes[j], lasso_alpha)
                )
                pairs[i, j] = relative_strength(matrix[masks[i]][:, masks[j]], compat)
    scores = {f"model_scores.{i}": float(value) for i, value in enumerate(model_scores(pairs))}
    for i, j in zip(*np.nonzero(~np.eye(num, dtype=bool)), strict=True):
        scores[f"pairwise_disentanglement_scores.{i}.{j}"] = float(pairs[i, j])
    return scores


def model_scores(pairs: Floats) -> Floats:
    """Median (num_models,) over the other models of the scores of pairs (num_models, num_models)."""
    num = len(pairs)
    return np.asarray(np.median(pairs.T[~np.eye(num, dtype=bool)].reshape(num, num - 1), axis=1))


def relative_strength(matrix: Floats, compat: Compat = "disbench") -> float:
    """How far each row and column of a matrix of nonnegative numbers (a, b) has one large entry; 0 without entries."""
    if not matrix.size:
        return 0.0
    columns, rows = _strengths(matrix), _strengths(matrix.T)
    if compat == "reference":
        return float((columns.mean() + rows.mean()) / 2)
    return float(np.concatenate([columns, rows]).mean())


def _strengths(matrix: Floats) -> Floats:
    """Squared largest entry of each column divided by its sum, 0 for a column of zeros."""
    total = matrix.sum(axis=0)
    return np.asarray(matrix.max(axis=0) ** 2 / np.where(total > 0, total, 1.0))


def lasso_weights(codes: Floats, targets: Floats, alpha: float) -> Floats:
    """Absolute weights (a, b) of Lasso regressions of targets (n, b) on codes (n, a)."""
    from sklearn.linear_model import Lasso

    return np.asarray(np.abs(np.atleast_2d(Lasso(alpha=alpha).fit(codes, targets).coef_)).T)


def rank_correlations(codes: Floats, others: Floats) -> Floats:
    """Absolute Spearman correlations (a, b) of codes (n, a) and (n, b); 0 for a constant latent."""
    from scipy.stats import rankdata

    first, second = (standardized(ranks, ranks)[0] for ranks in (rankdata(codes, axis=0), rankdata(others, axis=0)))
    return np.asarray(np.abs(first.T @ second) / len(codes))


def _informative(table: Table, rows: NDArray[np.int64], codes: Floats, threshold: float) -> Mask:
    """Which latents (num_latents,) vary and have a mean KL divergence from a standard normal above a threshold."""
    varies = np.asarray(np.ptp(codes, axis=0) > 0)
    if isinstance(table, LabelledCodes) or table.log_variance is None:
        return varies
    mean, log_variance = (values[rows].astype(np.float64) for values in (table.mean, table.log_variance))
    divergence = 0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1)
    return np.asarray(varies & (divergence.mean(axis=0) > threshold))


def _check(tables: Sequence[Table]) -> None:
    num = 1 if isinstance(tables, Table) else len(tables)
    if num < 2:
        raise ValueError(
            f"udr compares models and needs the tables of at least 2; got {num}. "
            f"Call disbench.metrics.udr.udr with a list of tables"
        )
    shapes = {(len(t.train_codes) if isinstance(t, LabelledCodes) else t.space, t.num_latents) for t in tables}
    if len(shapes) > 1:
        raise ValueError(f"udr needs tables of the same states or points and with equally many latents; got {shapes!r}")
