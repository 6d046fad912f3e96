"""Downstream task under a change of distribution."""

from typing import Annotated

import numpy as np
from annotated_types import MinLen
from numpy.typing import NDArray
from pydantic import PositiveInt

from disbench.metrics._checks import require_factors
from disbench.metrics._predictors import Predictor, accuracies, fit_predictors, require_grid
from disbench.metrics._scale import as_float64
from disbench.metrics._trees import Trees
from disbench.table import RepresentationTable, Table

Floats = NDArray[np.float64]


def strong_downstream(
    table: Table,
    rng: np.random.Generator,
    *,
    num_train: Annotated[tuple[PositiveInt, ...], MinLen(1)] = (10, 100, 1_000, 10_000),
    num_test: PositiveInt = 5_000,
    num_experiments: PositiveInt = 1,
    predictor: Predictor = "boosted_trees",
    trees: Trees = "disbench",
) -> dict[str, float]:
    """Accuracy of predicting a factor where another factor takes values that it never had in training.

    For each factor, another one (uniform over those that vary) is set to one value at all training points and to other
    values at all test points, and a classifier predicts the factor from the codes.

    Parameters
    ----------
    num_train, num_test
        Points drawn; for each number of training points both samples are drawn anew.
    num_experiments
        Choices of the other factor for each factor.
    predictor
        What predicts a factor.
    trees
        Whose boosted trees.

    Returns
    -------
    dict
        For each number n: `n:mean_train_accuracy`, `n:mean_test_accuracy` without the change,
        `n:mean_strong_train_accuracy`, `n:mean_strong_test_accuracy` with it, in [0, 1], and
        `n:strong_generalization_gap`, 1 minus the ratio of the two test accuracies: 0 if nothing is lost. If the test
        accuracy without the change is 0 the gap is 0.

    Raises
    ------
    ValueError
        For a user's own points, which cannot be changed, and if fewer than two factors vary.

    Notes
    -----
    The reference's `strong_downstream_task`, whose interventions are unseeded.
    """
    grid = require_grid(table, "strong_downstream")
    varying = np.flatnonzero(np.asarray(grid.factor_sizes) > 1)
    require_factors(varying, 2, "strong_downstream")
    scores: dict[str, float] = {}
    for num in num_train:
        rows = grid.draw(num, rng), grid.draw(num_test, rng)
        train, test = _accuracies(grid, *rows, np.arange(grid.num_factors), predictor, trees, rng)
        strong = np.concatenate(
            [
                _accuracies(grid, *_shift(grid, *rows, factor, varying, rng), np.array([factor]), predictor, trees, rng)
                for factor in range(grid.num_factors)
                for _ in range(num_experiments)
            ],
            axis=1,
        )
        mean_test, strong_test = float(test.mean()), float(strong[1].mean())
        scores[f"{num}:mean_train_accuracy"] = float(train.mean())
        scores[f"{num}:mean_test_accuracy"] = mean_test
        scores[f"{num}:mean_strong_train_accuracy"] = float(strong[0].mean())
        scores[f"{num}:mean_strong_test_accuracy"] = strong_test
        scores[f"{num}:strong_generalization_gap"] = 1.0 - strong_test / mean_test if mean_test > 0 else 0.0
    return scores


def _shift(
    table: RepresentationTable,
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    factor: int,
    varying: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows with another factor than the one given at one value in training and at its other values in testing."""
    other = int(rng.choice(varying[varying != factor]))
    values = rng.permutation(table.factor_sizes[other])
    return table.intervene(train, other, values[0]), table.intervene(test, other, rng.choice(values[1:], len(test)))


def _accuracies(
    table: RepresentationTable,
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    factors: NDArray[np.int64],
    predictor: Predictor,
    trees: Trees,
    rng: np.random.Generator,
) -> Floats:
    """Training and test accuracies (2, num_factors) of predicting some factors."""
    codes = [as_float64(table.codes(rows, rng)) for rows in (train, test)]
    labels = [table.factors(rows)[:, factors] for rows in (train, test)]
    models = fit_predictors(codes[0], labels[0], predictor, trees=trees)
    return np.stack([accuracies(models, *pair) for pair in zip(codes, labels, strict=True)])
