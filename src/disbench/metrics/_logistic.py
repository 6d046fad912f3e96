"""Logistic regression as scikit-learn fits it: of today (multinomial) or of 2019 (one class against the rest)."""

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.metrics._threads import map_threads

Floats = NDArray[np.float64]

Solver = Literal["multinomial", "one-versus-rest"]
"""`multinomial`: L-BFGS on the softmax loss, scikit-learn's default since 0.22. `one-versus-rest`: LIBLINEAR on one
binary problem for each class, intercepts regularised, its default until then, with which the studies were published."""

_MAX_ITERATIONS = 100  # scikit-learn's default; where it ends the search early, the result is what it found by then.
_BLOCK, _MAX_BLOCKS = 50_000, 16  # Scores in a block, and blocks at most.


class Logistic(NamedTuple):
    """Linear classifier: score of class `classes[k]` is `codes @ slopes[:, k] + intercepts[k]`."""

    classes: IntArray
    slopes: Floats
    intercepts: Floats
    solver: Solver

    def scores(self, codes: Floats) -> Floats:
        """Decision values (n, k)."""
        return np.asarray(codes @ self.slopes + self.intercepts)

    def predict(self, codes: Floats) -> IntArray:
        """Class numbers (n,)."""
        return np.asarray(self.classes[self.scores(codes).argmax(axis=1)])

    def probabilities(self, codes: Floats) -> Floats:
        """Probabilities (n, k): softmax of the scores, or their logistic function scaled to sum to 1."""
        scores = self.scores(codes)
        if self.solver == "multinomial":
            scores -= scores.max(axis=1, keepdims=True)
            odds = np.exp(scores)
        else:
            odds = 0.5 * (1 + np.tanh(scores / 2))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def fit_logistic(codes: Floats, labels: IntArray, solver: Solver = "multinomial", c: float = 1.0) -> Logistic:
    """Fit a classifier of class numbers (n,), at least two different ones, by codes (n, num_latents)."""
    classes, targets = np.unique(labels, return_inverse=True)
    if solver == "one-versus-rest":
        return _fit_one_versus_rest(codes, targets, classes, c)
    return fit_path(codes, targets, classes, [c])[0]


def fit_path(
    codes: Floats, targets: IntArray, classes: IntArray, cs: Sequence[float], start: Floats | None = None
) -> list[Logistic]:
    """Fit a multinomial classifier for each regularisation c, each from the weights of the one before.

    `targets` (n,) are indices into `classes`, not all of which need occur. Two classes are one binary problem.
    `start` are weights (num_latents + 1, k), or one column for two classes.
    """
    from scipy.optimize import minimize

    objective = _Softmax(codes, targets, len(classes)) if len(classes) > 2 else _Sigmoid(codes, targets)
    weights = np.zeros(objective.shape) if start is None else start
    fitted = []
    for c in cs:
        result = minimize(
            objective.value_and_gradient,
            weights.ravel(),
            args=(1.0 / (c * len(codes)),),
            method="L-BFGS-B",
            jac=True,
            options={
                "maxiter": _MAX_ITERATIONS,
                "maxls": 50,
                "gtol": 1e-4,
                "ftol": 64 * np.finfo(np.float64).eps,
            },
        )
        weights = result.x.reshape(objective.shape)
        columns = weights if weights.shape[1] > 1 else np.concatenate([np.zeros_like(weights), weights], axis=1)
        fitted.append(Logistic(classes, columns[:-1], columns[-1], "multinomial"))
    return fitted


class _Softmax:
    """Mean of the softmax loss over the points, plus half the penalty times the squared slopes."""

    def __init__(self, codes: Floats, targets: IntArray, num_classes: int) -> None:
        self.shape = (codes.shape[1] + 1, num_classes)
        self._num = len(codes)
        inputs = np.concatenate([codes, np.ones((len(codes), 1))], axis=1)
        # Their number depends on the shape only, so that sums have one order whatever the number of threads.
        num_blocks = min(max(len(codes) * num_classes // _BLOCK, 1), _MAX_BLOCKS)
        edges = np.linspace(0, len(codes), num_blocks + 1).astype(int)
        self._blocks = [(inputs[a:b], targets[a:b]) for a, b in pairwise(edges)]

    def value_and_gradient(self, weights: Floats, penalty: float) -> tuple[float, Floats]:
        from disbench.metrics._softmax import softmax_loss

        weights = np.ascontiguousarray(weights.reshape(self.shape))

        def loss_of(block: tuple[Floats, IntArray]) -> tuple[float, Floats]:
            gradient = np.zeros(self.shape)
            return softmax_loss(*block, weights, gradient), gradient

        pairs = map_threads(loss_of, self._blocks)
        loss = sum(value for value, _ in pairs) / self._num + 0.5 * penalty * float((weights[:-1] ** 2).sum())
        gradient = np.sum([part for _, part in pairs], axis=0) / self._num
        gradient[:-1] += penalty * weights[:-1]
        return loss, gradient.ravel()


class _Sigmoid:
    """Mean of the logistic loss of two classes over the points, plus half the penalty times the squared slopes."""

    def __init__(self, codes: Floats, targets: IntArray) -> None:
        self.shape = (codes.shape[1] + 1, 1)
        self._inputs = np.concatenate([codes, np.ones((len(codes), 1))], axis=1)
        self._targets = targets.astype(np.float64)

    def value_and_gradient(self, weights: Floats, penalty: float) -> tuple[float, Floats]:
        scores = self._inputs @ weights
        loss = np.logaddexp(0, scores) - self._targets * scores
        residual = 0.5 * (1 + np.tanh(scores / 2)) - self._targets
        gradient = self._inputs.T @ residual / len(scores)
        gradient[:-1] += penalty * weights[:-1]
        return float(loss.mean() + 0.5 * penalty * (weights[:-1] ** 2).sum()), gradient


def fit_scikit_learn(codes: Floats, labels: IntArray, solver: Solver, c: float = 1.0) -> Logistic:
    """Fit with scikit-learn itself.

    On codes of very different scales 100 iterations of L-BFGS end far from the optimum, where they end depends on the
    last bit of every sum, and only the same code gives the same numbers.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    if solver == "one-versus-rest":
        return fit_logistic(codes, labels, solver, c)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # The definition is 100 iterations.
        model = LogisticRegression(C=c).fit(codes, labels)
    slopes, intercepts = model.coef_.T, model.intercept_
    if len(model.classes_) == 2:
        # The softmax of two scores is the logistic function of their difference.
        slopes, intercepts = _both_sides(slopes / 2, intercepts / 2)
    return Logistic(model.classes_, slopes, intercepts, solver)


def _fit_one_versus_rest(codes: Floats, targets: IntArray, classes: IntArray, c: float) -> Logistic:
    from sklearn.linear_model import LogisticRegression

    two = len(classes) == 2
    models = [
        LogisticRegression(C=c, solver="liblinear").fit(codes, targets == index)
        for index in ([1] if two else range(len(classes)))
    ]
    slopes = np.stack([model.coef_[0] for model in models], axis=1)
    intercepts = np.array([model.intercept_[0] for model in models])
    if two:
        slopes, intercepts = _both_sides(slopes, intercepts)
    return Logistic(classes, slopes, intercepts, "one-versus-rest")


def _both_sides(slopes: Floats, intercepts: Floats) -> tuple[Floats, Floats]:
    """Weights of two classes from those (p, 1) of one binary problem, whose decision is the second class's."""
    return np.concatenate([-slopes, slopes], axis=1), np.concatenate([-intercepts, intercepts])
