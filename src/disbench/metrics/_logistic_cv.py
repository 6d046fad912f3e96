"""Logistic regression whose regularisation is chosen by cross-validation, as scikit-learn's LogisticRegressionCV."""

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.metrics._logistic import Logistic, Solver, fit_path
from disbench.metrics._threads import map_threads, single_threaded_algebra

Floats = NDArray[np.float64]

_CS = np.logspace(-4, 4, 10)
_NUM_FOLDS = 5


class _Problem(NamedTuple):
    """Points (n, num_latents) and the indices (n,) of their classes."""

    codes: Floats
    targets: IntArray
    classes: IntArray


def fit_logistic_cv(codes: Floats, factors: Sequence[IntArray], solver: Solver = "multinomial") -> list[Logistic]:
    """Fit a classifier of each factor (n,), class numbers, at least two different ones, by codes (n, num_latents).

    The regularisation is the one of ten with the best mean accuracy over five folds of consecutive points, for each
    class its own if classes stand against the rest. Folds may lack classes.
    """
    indexed = [np.unique(labels, return_inverse=True) for labels in factors]
    fitted = iter(_fit([problem for each in indexed for problem in _problems(codes, *each, solver)]))
    return [_joined(classes, list(islice(fitted, _num_problems(classes, solver))), solver) for classes, _ in indexed]


def _num_problems(classes: IntArray, solver: Solver) -> int:
    return 1 if solver == "multinomial" or len(classes) == 2 else len(classes)


def _problems(codes: Floats, classes: IntArray, targets: IntArray, solver: Solver) -> list[_Problem]:
    """One problem of all classes, or one of each class against the rest."""
    if _num_problems(classes, solver) == 1:
        return [_Problem(codes, targets, classes)]
    return [_Problem(codes, (targets == index).astype(np.int64), np.arange(2)) for index in range(len(classes))]


def _joined(classes: IntArray, models: list[Logistic], solver: Solver) -> Logistic:
    if len(models) == 1:
        return models[0]._replace(solver=solver)
    slopes = np.stack([model.slopes[:, 1] for model in models], axis=1)
    return Logistic(classes, slopes, np.array([model.intercepts[1] for model in models]), solver)


def _fit(problems: list[_Problem]) -> list[Logistic]:
    """Fit all folds of all problems, those of many classes first, so that threads end together."""
    sizes = np.array([len(problem.classes) for problem in problems])
    num = len(problems[0].codes)
    folds = np.array_split(np.arange(num), min(_NUM_FOLDS, num))
    tasks = [(int(index), fold) for index in np.argsort(-sizes, kind="stable") for fold in folds]
    with single_threaded_algebra():
        paths = map_threads(lambda task: _fit_fold(problems[task[0]], task[1]), tasks)
        of_problem = [
            [path for (of, _), path in zip(tasks, paths, strict=True) if of == index] for index in range(len(problems))
        ]
        return map_threads(lambda each: _refit(*each), list(zip(problems, of_problem, strict=True)))


def _fit_fold(problem: _Problem, fold: IntArray) -> tuple[Floats, list[Floats]]:
    """Accuracy on a fold (10,) and weights of classifiers of the other points, for each regularisation."""
    codes, targets, classes = problem
    rest = np.delete(np.arange(len(codes)), fold)
    path = fit_path(codes[rest], targets[rest], classes, _CS.tolist())
    accuracies = [(model.predict(codes[fold]) == classes[targets[fold]]).mean() for model in path]
    return np.array(accuracies), [model.weights for model in path]


def _refit(problem: _Problem, folds: list[tuple[Floats, list[Floats]]]) -> Logistic:
    """Fit all points with the best regularisation, from the mean of what the folds found."""
    best = int(np.sum([accuracies for accuracies, _ in folds], axis=0).argmax())
    return fit_path(*problem, [float(_CS[best])], np.mean([weights[best] for _, weights in folds], axis=0))[0]
