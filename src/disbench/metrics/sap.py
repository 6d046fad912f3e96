"""Separated attribute predictability."""

import numpy as np
from numpy.typing import NDArray
from pydantic import PositiveFloat

from disbench.factors import IntArray
from disbench.metrics._checks import class_indices, require_factors, require_latents, varying_factors
from disbench.metrics._linear_svm import OneFeatureProblem
from disbench.metrics._options import NumPoints
from disbench.metrics._scale import as_float64, require_fourth_powers, standardized
from disbench.table import FloatArray, Table


def sap(
    table: Table,
    rng: np.random.Generator,
    *,
    num_train: NumPoints = 10_000,
    num_test: NumPoints = 5_000,
    continuous_factors: bool = False,
    standardize: bool = False,
    regularization: PositiveFloat = 0.01,
) -> dict[str, float]:
    """Separated attribute predictability: how much better the best latent predicts a factor than the second best.

    Discrete factors: the score of a latent and a factor is the test accuracy of a linear support vector machine on that
    latent alone, classes weighted to balance. Continuous factors: it is the squared correlation over the training
    points. The gap of a factor is the difference of its two largest scores; SAP is the mean over factors. Factors with
    a single value among the training points are left out.

    Parameters
    ----------
    num_train, num_test
        Points drawn. The squared correlation needs no test points.
    continuous_factors
        Squared correlation in place of the classifier.
    standardize
        Scale each latent to mean 0 and standard deviation 1 over the training points first, which makes the
        classifier's regularisation independent of the scale of the codes. The published definition does not.
    regularization
        C of the classifier.

    Returns
    -------
    dict
        `SAP_score` in [0, 1]; 1 if one latent predicts each factor perfectly and all others not at all. With the
        classifier the second score never falls below chance, so that 1 is out of reach.

    Raises
    ------
    ValueError
        With fewer than two latents, if no factor varies, or if a factor is continuous and `continuous_factors` is not
        set.

    Notes
    -----
    Kumar et al., "Variational inference of disentangled latent concepts from unlabeled observations", ICLR 2018,
    section 3. Equal to the reference's `sap_score` with scikit-learn's LinearSVC in its primal form; no seed
    enters the classifier.
    """
    require_latents(table, 2, "sap")
    train_codes, train_factors, test_codes, test_factors = table.train_test(num_train, num_test, rng)
    train_codes, test_codes = as_float64(train_codes), as_float64(test_codes)
    varying = varying_factors(train_factors)
    require_factors(varying, 1, "sap")
    if continuous_factors:
        scores = squared_correlations(train_codes, train_factors[:, varying])
    else:
        train_factors, test_factors = class_indices("sap", train_factors[:, varying], test_factors[:, varying])
        if standardize:
            train_codes, test_codes = standardized(train_codes, test_codes)
        scores = svm_accuracies(train_codes, train_factors, test_codes, test_factors, regularization)
    ordered = np.sort(scores, axis=0)
    return {"SAP_score": float((ordered[-1] - ordered[-2]).mean())}


def squared_correlations(codes: FloatArray, factors: NDArray[np.number]) -> NDArray[np.float64]:
    """Squared Pearson correlations (num_latents, num_factors); 0 for latents with a variance up to 1e-12."""
    num_latents = codes.shape[1]
    # Squares of factors far from 1 would overflow, or vanish.
    scaled = factors / np.abs(factors).max(axis=0).astype(np.float64)
    covariance = np.cov(np.concatenate([codes, scaled], axis=1), rowvar=False)
    variance = np.diag(covariance)
    # A factor may vary only within the precision around a large value.
    active = (variance[:num_latents, None] > 1e-12) & (variance[num_latents:] > 0)
    product = np.where(active, variance[:num_latents, None] * variance[num_latents:], 1.0)
    return np.asarray(np.where(active, covariance[:num_latents, num_latents:] ** 2, 0.0) / product)


def svm_accuracies(
    train_codes: FloatArray, train_factors: IntArray, test_codes: FloatArray, test_factors: IntArray, c: float = 0.01
) -> NDArray[np.float64]:
    """Test accuracies (num_latents, num_factors) of one support vector machine for each latent and factor."""
    require_fourth_powers(train_codes)  # The solver multiplies gradients with curvatures.
    accuracies = np.empty((train_codes.shape[1], train_factors.shape[1]))
    for factor, classes in enumerate(train_factors.T):
        present, classes = np.unique(classes, return_inverse=True)
        costs = c * len(classes) / (len(present) * np.bincount(classes))
        # Two classes share one problem; of several, each stands against the rest at plain cost.
        rest = costs[::-1] if len(present) == 2 else np.full(len(present), c)
        for latent, feature in enumerate(train_codes.T):
            slope, intercept = OneFeatureProblem(feature, classes, costs, rest).solve()
            decision = test_codes[:, latent, None] * slope + intercept
            predicted = present[decision.argmax(axis=1)]
            accuracies[latent, factor] = (predicted == test_factors[:, factor]).mean()
    return accuracies
