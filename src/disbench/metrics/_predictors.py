"""Prediction of all factors from codes, which the downstream tasks and the fairness score share."""

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.metrics._logistic import Solver
from disbench.metrics._logistic_cv import fit_logistic_cv
from disbench.metrics._scale import as_float64
from disbench.metrics._trees import Majority, Trees, fit_trees
from disbench.table import FloatArray, LabelledCodes, RepresentationTable, Table, TrainTest

Floats = NDArray[np.float64]

Predictor = Literal["boosted_trees", "logistic_regression"]
"""What predicts a factor: boosted trees, or logistic regression with cross-validated regularisation."""


class Classifier(Protocol):
    """A fitted classifier of one factor."""

    def predict(self, codes: FloatArray) -> IntArray:
        """Class numbers (n,) of codes (n, num_latents)."""


def fit_predictors(
    codes: FloatArray,
    factors: IntArray,
    predictor: Predictor,
    *,
    trees: Trees = "disbench",
    solver: Solver = "multinomial",
) -> Sequence[Classifier]:
    """One classifier for each column of factors (n, num_factors), class numbers; of a single value, its majority."""
    if predictor == "boosted_trees":
        return fit_trees(codes, factors, trees)
    several = [bool((labels != labels[0]).any()) for labels in factors.T]
    chosen = [labels for labels, fit in zip(factors.T, several, strict=True) if fit]
    models = iter(fit_logistic_cv(as_float64(codes), chosen, solver) if chosen else [])
    return [
        next(models) if fit else Majority(int(labels[0]), codes.shape[1])
        for labels, fit in zip(factors.T, several, strict=True)
    ]


def accuracies(models: Sequence[Classifier], codes: FloatArray, factors: IntArray) -> Floats:
    """Accuracy (num_factors,) of each classifier on points."""
    pairs = zip(models, factors.T, strict=True)
    return np.array([(model.predict(codes) == labels).mean() for model, labels in pairs])


def draw_train_test(table: Table, num_train: int, num_test: int, rng: np.random.Generator) -> tuple[int, TrainTest]:
    """Draw training and test points, codes in double precision, and say how many are for training.

    Of a table both samples are drawn. Of a user's points the training points are a random part, in their order, or all
    if there are no more, and the test points are all.
    """
    if isinstance(table, RepresentationTable):
        data = table.train_test(num_train, num_test, rng)
    else:
        available = len(table.train_codes)
        num_train = min(num_train, available)
        part = np.sort(rng.choice(available, num_train, replace=False))
        data = table.train_test(num_train, num_test, rng)
        data = data._replace(train_codes=data.train_codes[part], train_factors=data.train_factors[part])
    return num_train, data._replace(train_codes=as_float64(data.train_codes), test_codes=as_float64(data.test_codes))


def require_grid(table: Table, metric: str) -> RepresentationTable:
    """Raise unless a table knows the code of every state, so that a factor can be set to a value."""
    if isinstance(table, LabelledCodes):
        raise ValueError(
            f"{metric} sets factors to values, for which it needs the code of every state of the grid; "
            f"got {len(table.train_codes)} points. Use disbench.evaluate with the codes of all rows of a data set"
        )
    return table
