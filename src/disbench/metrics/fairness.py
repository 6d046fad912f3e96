"""Fairness of predictions with respect to factors that they should not depend on."""

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from disbench.metrics._predictors import Predictor, fit_predictors, require_grid
from disbench.metrics._scale import as_float64
from disbench.metrics._trees import Trees
from disbench.table import Table

Floats = NDArray[np.float64]


def fairness(
    table: Table,
    rng: np.random.Generator,
    *,
    num_train: PositiveInt = 10_000,
    num_test_points_per_class: PositiveInt = 100,
    predictor: Predictor = "boosted_trees",
    trees: Trees = "disbench",
) -> dict[str, float]:
    """Unfairness: how much the predictions of one factor change when another one, the sensitive factor, is set.

    A classifier of each factor is trained. Then some points are drawn, the sensitive factor is set to each of its
    values in turn, and the distribution of predictions for each value is compared with the one over all values by the
    total variation. The mean over values, and the largest, are reported for each pair of factors, and their means and
    maxima over predicted and sensitive factors.

    Parameters
    ----------
    num_train
        Points to train the classifiers.
    num_test_points_per_class
        Points drawn for each pair. With few of them the total variation is biased upwards.
    predictor
        What predicts a factor.
    trees
        Whose boosted trees.

    Returns
    -------
    dict
        With M for `mean_fairness` and `max_fairness`: `M:pred{i}:sens{j}` of each pair; `M:pred{i}:mean_sens`,
        `M:pred{i}:max_sens`, `M:sens{j}:mean_pred`, `M:sens{j}:max_pred`; and `M:{mean,max}_pred:{mean,max}_sens`,
        `M:{mean,max}_sens:{mean,max}_pred`, of which the last named is taken first. All in [0, 1], 0 for predictions
        that do not depend on the sensitive factor. The paper's unfairness is `mean_fairness:mean_pred:mean_sens`.

    Raises
    ------
    ValueError
        For a user's own points, whose factors cannot be set, and with fewer than two factors.

    Notes
    -----
    Locatello et al., "On the fairness of disentangled representations", NeurIPS 2019, section 4. The reference's
    `fairness`.
    """
    grid = require_grid(table, "fairness")
    num_factors = grid.num_factors
    if num_factors < 2:
        raise ValueError(f"fairness compares factors and needs at least 2; got {num_factors}")
    codes, factors = grid.sample(num_train, rng)
    models = fit_predictors(as_float64(codes), factors, predictor, trees=trees)
    mean, largest = np.zeros((num_factors, num_factors)), np.zeros((num_factors, num_factors))
    for predicted, model in enumerate(models):
        for sensitive in range(num_factors):
            if sensitive != predicted:
                values = np.arange(grid.factor_sizes[sensitive])
                rows = np.tile(grid.draw(num_test_points_per_class, rng), (len(values), 1))
                rows = grid.intervene(rows, sensitive, values[:, None])
                labels = model.predict(as_float64(grid.codes(rows, rng)).reshape(rows.size, -1)).reshape(rows.shape)
                size = grid.factor_sizes[predicted]
                counts = np.stack([np.bincount(row, minlength=size) for row in labels], axis=1)
                mean[predicted, sensitive], largest[predicted, sensitive] = inter_group_fairness(counts)
    return {**aggregated(mean, "mean_fairness"), **aggregated(largest, "max_fairness")}


def inter_group_fairness(counts: NDArray[np.int64]) -> tuple[float, float]:
    """Mean and largest total variation between the predictions of a group and of all, weighted by the groups' sizes.

    Counts (num_classes, num_groups) of predictions; every group has some.
    """
    sizes = counts.sum(axis=0)
    overall = counts.sum(axis=1, keepdims=True) / counts.sum()
    variations = np.abs(counts / sizes - overall).sum(axis=0) / 2
    return float((variations * sizes).sum() / sizes.sum()), float(variations.max())


def aggregated(matrix: Floats, prefix: str) -> dict[str, float]:
    """Scores of pairs (num_factors, num_factors), predicted factors first, and their means and maxima."""
    num = len(matrix)
    scores = {f"{prefix}:pred{i}:sens{j}": float(matrix[i, j]) for i in range(num) for j in range(num) if i != j}
    # The diagonal is no pair: drop it from the rows (predicted) and from the columns (sensitive).
    off_diagonal = ~np.eye(num, dtype=bool)
    by_predicted = matrix[off_diagonal].reshape(num, num - 1)
    by_sensitive = matrix.T[off_diagonal].reshape(num, num - 1)
    operations = (("mean", np.mean), ("max", np.max))
    for first, values, second in (("pred", by_predicted, "sens"), ("sens", by_sensitive, "pred")):
        for inner, inner_operation in operations:
            reduced = inner_operation(values, axis=1)
            for index, value in enumerate(reduced):
                scores[f"{prefix}:{first}{index}:{inner}_{second}"] = float(value)
            for outer, outer_operation in operations:
                scores[f"{prefix}:{outer}_{first}:{inner}_{second}"] = float(outer_operation(reduced))
    return scores
