"""beta-VAE score."""

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveInt

from disbench.factors import IntArray
from disbench.metrics._logistic import Logistic, Solver, fit_scikit_learn
from disbench.metrics._pairs import chunks, draw_factors, require_repeats
from disbench.metrics._scale import as_float64
from disbench.table import Table

Floats = NDArray[np.float64]


def beta_vae(
    table: Table,
    rng: np.random.Generator,
    *,
    num_train: PositiveInt = 10_000,
    num_eval: PositiveInt = 5_000,
    batch_size: PositiveInt = 64,
    solver: Solver = "multinomial",
) -> dict[str, float]:
    """beta-VAE score: the accuracy with which differences of codes tell which factor was held fixed.

    Each example fixes one factor (uniform over those that vary), draws pairs of points that share its value, and is the
    mean over the pairs of the absolute difference of codes. Logistic regression predicts the factor.

    Parameters
    ----------
    num_train, num_eval
        Examples to train and to evaluate the classifier.
    batch_size
        Pairs of an example.
    solver
        `multinomial`: scikit-learn's logistic regression of today. `one-versus-rest`: the one of 2019.

    Returns
    -------
    dict
        `train_accuracy`, `eval_accuracy` in [0, 1]; 1 if the fixed factor can always be told, for which each factor
        needs a direction of its own among the latents, but no latent needs to belong to one factor only.

    Raises
    ------
    ValueError
        If fewer than two factors vary, or for points of which no two share a value.

    Notes
    -----
    Higgins et al., "beta-VAE", ICLR 2017, section 3. The reference's `beta_vae_sklearn`.
    """
    require_repeats(table, "beta_vae")
    fixed = draw_factors(table, num_train + num_eval, "beta_vae", rng)
    differences = mean_differences(table, fixed, batch_size, rng)
    train, evaluation = (differences[:num_train], fixed[:num_train]), (differences[num_train:], fixed[num_train:])
    model = fit(*train, solver)
    return {
        "train_accuracy": float((model.predict(train[0]) == train[1]).mean()),
        "eval_accuracy": float((model.predict(evaluation[0]) == evaluation[1]).mean()),
    }


def mean_differences(table: Table, fixed: IntArray, batch_size: int, rng: np.random.Generator) -> Floats:
    """Mean absolute differences (n, num_latents) of the codes of pairs that share the value of a factor (n,)."""
    result = np.empty((len(fixed), table.num_latents))
    for part in chunks(len(fixed), batch_size):
        factor = fixed[part, None]
        rows = table.draw((len(factor), batch_size), rng)
        first, second = table.codes(rows, rng), table.codes(table.redraw_others(rows, factor, rng), rng)
        result[part] = np.abs(as_float64(first) - second).mean(axis=1)
    return result


def fit(differences: Floats, fixed: IntArray, solver: Solver = "multinomial") -> Logistic:
    """Fit the classifier of the fixed factor (n,) by mean differences (n, num_latents)."""
    if (fixed == fixed[0]).all():  # Possible with a handful of examples.
        zeros = np.zeros((differences.shape[1], 1))
        return Logistic(fixed[:1], zeros, zeros[0], solver)
    return fit_scikit_learn(differences, fixed, solver)
