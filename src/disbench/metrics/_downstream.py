"""Accuracy of predicting all factors from codes, for several numbers of training points."""

import numpy as np

from disbench.metrics._checks import discrete
from disbench.metrics._logistic import Solver
from disbench.metrics._predictors import Predictor, accuracies, draw_train_test, fit_predictors
from disbench.metrics._trees import Trees
from disbench.table import Table


def downstream(
    table: Table,
    rng: np.random.Generator,
    metric: str,
    num_train: tuple[int, ...],
    num_test: int,
    predictor: Predictor,
    *,
    trees: Trees = "disbench",
    solver: Solver = "multinomial",
) -> dict[str, float]:
    """Accuracies under the reference's keys, for each number of training points that the table has."""
    scores: dict[str, float] = {}
    for wanted in num_train:
        num, data = draw_train_test(table, wanted, num_test, rng)
        data = discrete(metric, data)
        models = fit_predictors(data.train_codes, data.train_factors, predictor, trees=trees, solver=solver)
        for sample, codes, factors in (
            ("train", data.train_codes, data.train_factors),
            ("test", data.test_codes, data.test_factors),
        ):
            values = accuracies(models, codes, factors)
            scores[f"{num}:mean_{sample}_accuracy"] = float(values.mean())
            scores[f"{num}:min_{sample}_accuracy"] = float(values.min())
            for index, value in enumerate(values):
                scores[f"{num}:{sample}_accuracy_factor_{index}"] = float(value)
    return scores
