"""Logistic regression whose regularisation is chosen by cross-validation, as scikit-learn's LogisticRegressionCV."""

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.metrics._logistic import Logistic, Solver, fit_path

Floats = NDArray[np.float64]

_CS = np.logspace(-4, 4, 10)
_NUM_FOLDS = 5


def fit_logistic_cv(codes: Floats, labels: IntArray, solver: Solver = "multinomial") -> Logistic:
    """Fit a classifier of class numbers (n,), at least two different ones, by codes (n, num_latents).

    The regularisation is the one of ten with the best mean accuracy over five folds of consecutive points, for each
    class its own if classes stand against the rest. Folds may lack classes.
    """
    classes, targets = np.unique(labels, return_inverse=True)
    if solver == "multinomial" or len(classes) == 2:
        return _fit(codes, targets, classes)._replace(solver=solver)
    models = [_fit(codes, (targets == index).astype(np.int64), np.arange(2)) for index in range(len(classes))]
    slopes = np.stack([model.slopes[:, 1] for model in models], axis=1)
    return Logistic(classes, slopes, np.array([model.intercepts[1] for model in models]), solver)


def _fit(codes: Floats, targets: IntArray, classes: IntArray) -> Logistic:
    num = len(codes)
    accuracies, weights = [], []
    for fold in np.array_split(np.arange(num), min(_NUM_FOLDS, num)):
        rest = np.delete(np.arange(num), fold)
        path = fit_path(codes[rest], targets[rest], classes, _CS.tolist())
        accuracies.append([(model.predict(codes[fold]) == classes[targets[fold]]).mean() for model in path])
        weights.append([model.weights for model in path])
    best = int(np.sum(accuracies, axis=0).argmax())
    return fit_path(codes, targets, classes, [float(_CS[best])], np.mean([fold[best] for fold in weights], axis=0))[0]
