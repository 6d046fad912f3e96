"""Downstream task without the latents that tell most about a factor."""

from typing import Annotated

import numpy as np
from annotated_types import MinLen
from pydantic import PositiveInt

from disbench.metrics._checks import discrete, require_latents
from disbench.metrics._options import NumPoints
from disbench.metrics._predictors import Predictor, accuracies, draw_train_test, fit_predictors
from disbench.metrics._trees import Trees, fit_trees
from disbench.table import Table


def reduced_downstream(
    table: Table,
    rng: np.random.Generator,
    *,
    num_train: Annotated[tuple[PositiveInt, ...], MinLen(1)] = (10, 100, 1_000, 10_000),
    num_test: NumPoints = 5_000,
    num_factors_to_remove: PositiveInt = 2,
    predictor: Predictor = "boosted_trees",
    trees: Trees = "disbench",
) -> dict[str, float]:
    """Accuracy of predicting the factors after the most important latents of one factor are removed.

    For each factor: boosted trees predict it, the latent with the largest importance is removed, as often as asked;
    then classifiers predict all factors from the latents that remain.

    Parameters
    ----------
    num_train, num_test
        Points drawn; for each number of training points both samples are drawn anew. Of a user's own points a random
        part is used for training.
    num_factors_to_remove
        Latents removed (the reference's name of the option), fewer than there are.
    predictor
        What predicts the factors.
    trees
        Whose boosted trees, also to find the latents.

    Returns
    -------
    dict
        With S for `train` and `test`, n the number of points, i the factor whose latents are removed:
        `n:reduced_factor_i:mean_S_accuracy_factor_j` of every factor j,
        `n:reduced_factor_i:mean_S_accuracy_reduced_factor` of factor i,
        `n:reduced_factor_i:mean_S_accuracy_non_reduced_factor`, the mean of the others; and the means over i,
        `n:mean_S_accuracy_reduced_factor` and `n:mean_S_accuracy_other_factors`, all in [0, 1], 1 if every value is
        still predicted. In a disentangled representation the first is low and the second high, as long as a factor has
        as many latents as are removed.

    Raises
    ------
    ValueError
        With too few latents, fewer than two factors, or if a factor is continuous.

    Notes
    -----
    The reference's `reduced_downstream_task`.
    """
    require_latents(table, num_factors_to_remove + 1, "reduced_downstream")
    if table.num_factors < 2:
        raise ValueError(f"reduced_downstream compares factors and needs at least 2; got {table.num_factors}")
    scores: dict[str, float] = {}
    for wanted in num_train:
        num, data = draw_train_test(table, wanted, num_test, rng)
        data = discrete("reduced_downstream", data)
        means = np.empty((table.num_factors, 2, 2))
        for index in range(table.num_factors):
            kept = np.arange(table.num_latents)
            for _ in range(num_factors_to_remove):
                labels = data.train_factors[:, [index]]
                (model,) = fit_trees(data.train_codes[:, kept], labels, trees)
                kept = np.delete(kept, model.importances.argmax())
            models = fit_predictors(data.train_codes[:, kept], data.train_factors, predictor, trees=trees)
            for side, (sample, codes, factors) in enumerate(
                (
                    ("train", data.train_codes, data.train_factors),
                    ("test", data.test_codes, data.test_factors),
                )
            ):
                values = accuracies(models, codes[:, kept], factors)
                prefix = f"{num}:reduced_factor_{index}:mean_{sample}_accuracy"
                means[index, side] = values[index], np.delete(values, index).mean()
                scores[f"{prefix}_reduced_factor"], scores[f"{prefix}_non_reduced_factor"] = means[index, side].tolist()
                for other, value in enumerate(values):
                    scores[f"{prefix}_factor_{other}"] = float(value)
        for side, sample in enumerate(("train", "test")):
            reduced, others = means[:, side].mean(axis=0)
            scores[f"{num}:mean_{sample}_accuracy_reduced_factor"] = float(reduced)
            scores[f"{num}:mean_{sample}_accuracy_other_factors"] = float(others)
    return scores
