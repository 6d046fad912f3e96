"""Downstream task: logistic regression predicts the factors from the codes."""

from typing import Annotated

import numpy as np
from annotated_types import MinLen
from pydantic import PositiveInt

from disbench.metrics._downstream import downstream
from disbench.metrics._logistic import Solver
from disbench.metrics._options import NumPoints
from disbench.table import Table


def downstream_logistic_regression(
    table: Table,
    rng: np.random.Generator,
    *,
    num_train: Annotated[tuple[PositiveInt, ...], MinLen(1)] = (10, 100, 1_000, 10_000),
    num_test: NumPoints = 5_000,
    solver: Solver = "multinomial",
) -> dict[str, float]:
    """Accuracy of logistic regression that predicts each factor from the codes, for several numbers of training points.

    The regularisation is chosen among ten values by cross-validation over five folds. A factor with a single value
    among the training points is predicted to have it, and folds may lack values.

    Parameters
    ----------
    num_train
        Numbers of training points; for each, training and test points are drawn anew. Of a user's own points a random
        part is used, and all of them where there are no more.
    num_test
        Test points drawn.
    solver
        `multinomial`: scikit-learn's logistic regression of today. `one-versus-rest`: each value against the others,
        with a regularisation of its own, as in 2019.

    Returns
    -------
    dict
        For each number n: `n:mean_train_accuracy`, `n:mean_test_accuracy`, `n:min_train_accuracy`,
        `n:min_test_accuracy` over factors, and `n:train_accuracy_factor_i`, `n:test_accuracy_factor_i`, in [0, 1]; 1
        if every value is predicted, whether or not each factor has a latent of its own.

    Raises
    ------
    ValueError
        If a factor is continuous.

    Notes
    -----
    Locatello et al., "Challenging common assumptions in the unsupervised learning of disentangled representations",
    ICML 2019, section 5.6. The reference's `downstream_task` with its cross-validated logistic regression.
    """
    metric = "downstream_logistic_regression"
    return downstream(table, rng, metric, num_train, num_test, "logistic_regression", solver=solver)
