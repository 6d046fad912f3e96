"""Disentanglement, completeness and informativeness."""

import numpy as np
from numpy.typing import NDArray

from disbench.metrics._checks import discrete, require_factors, require_latents, varying_factors
from disbench.metrics._options import NumPoints, TreeSeed
from disbench.metrics._scale import as_float64
from disbench.metrics._trees import Trees, fit_trees
from disbench.table import Table, TrainTest

Floats = NDArray[np.float64]


def dci(
    table: Table,
    rng: np.random.Generator,
    *,
    num_train: NumPoints = 10_000,
    num_test: NumPoints = 5_000,
    trees: Trees = "disbench",
    tree_seed: TreeSeed = 0,
) -> dict[str, float]:
    """Disentanglement, completeness and informativeness, from the importances of boosted trees.

    For each factor, boosted trees predict its value from the codes; `R[d, f]` is the importance of latent d, which sums
    to 1 over the latents. Disentanglement is 1 minus the entropy of a latent's row, to the base of the number of
    factors, averaged over latents with their share of all importance as weight; completeness is 1 minus the entropy of
    a factor's column, to the base of the number of latents, averaged likewise. Factors with a single value among the
    training points are left out.

    Parameters
    ----------
    num_train, num_test
        Points drawn.
    trees
        `disbench`: our implementation. `scikit-learn`: `GradientBoostingClassifier`, which it reproduces, many times
        slower. 100 stages of depth 3 either way.
    tree_seed
        Decides between splits that are equally good, as `np.random.seed(tree_seed)` does for the reference. It matters
        where latents repeat each other, by up to 0.3 of an importance; average over several seeds there.

    Returns
    -------
    dict
        `disentanglement` in [0, 1], 1 if each latent is important for one factor only; `completeness` in [0, 1], 1 if
        each factor is predicted from one latent only; `informativeness_train` and `informativeness_test` in [0, 1],
        the mean accuracy over factors (the paper's informativeness is an error; these are the reference's keys).

    Raises
    ------
    ValueError
        With fewer than two latents, if fewer than two factors vary, or if a factor is continuous.

    Notes
    -----
    Eastwood and Williams, "A framework for the quantitative evaluation of disentangled representations", ICLR 2018.
    The reference's `dci`, whose trees take whatever state NumPy's global generator is in. Because importances sum to 1
    for every factor, a factor that cannot be predicted counts as much as one that can.
    """
    require_latents(table, 2, "dci")
    data = discrete("dci", table.train_test(num_train, num_test, rng))
    varying = varying_factors(data.train_factors)
    require_factors(varying, 2, "dci")
    importance, train_accuracy, test_accuracy = importance_matrix(
        data._replace(train_factors=data.train_factors[:, varying], test_factors=data.test_factors[:, varying]),
        trees,
        tree_seed,
    )
    return {
        "informativeness_train": float(train_accuracy.mean()),
        "informativeness_test": float(test_accuracy.mean()),
        "disentanglement": disentanglement(importance),
        "completeness": completeness(importance),
    }


def importance_matrix(data: TrainTest, trees: Trees, tree_seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Measure importances (num_latents, num_factors) and training and test accuracies (num_factors,) of trees."""
    train_codes, test_codes = as_float64(data.train_codes), as_float64(data.test_codes)
    models = fit_trees(train_codes, data.train_factors, trees, tree_seed)
    importance = np.stack([model.importances for model in models], axis=1)
    train, test = (
        np.array([(model.predict(codes) == factors[:, index]).mean() for index, model in enumerate(models)])
        for codes, factors in (
            (train_codes, data.train_factors),
            (test_codes, data.test_factors),
        )
    )
    return importance, train, test


def disentanglement(importance: Floats) -> float:
    """Weighted mean over latents of 1 minus the entropy of their importances (num_latents, num_factors)."""
    return _weighted_mean(concentration(importance), importance.sum(axis=1))


def completeness(importance: Floats) -> float:
    """Weighted mean over factors of 1 minus the entropy of their importances (num_latents, num_factors)."""
    return _weighted_mean(concentration(importance.T), importance.sum(axis=0))


def concentration(importance: Floats) -> Floats:
    """1 minus the entropy (n,) of the rows of a matrix (n, m), to the base m; 0 for a row of zeros."""
    shares = importance + 1e-11  # The reference's constant, which makes a row of zeros uniform.
    shares = shares / shares.sum(axis=1, keepdims=True)
    entropy = -(shares * np.log(shares)).sum(axis=1) / np.log(importance.shape[1])
    return np.asarray(np.clip(1.0 - entropy, 0.0, 1.0))


def _weighted_mean(values: Floats, weights: Floats) -> float:
    """Mean of values; equal weights if there is nothing to weight by, which happens if no tree ever splits."""
    total = weights.sum()
    return float((values * weights).sum() / total) if total > 0 else float(values.mean())
