"""Logistic regression as scikit-learn fits it: of today (multinomial) or of 2019 (one class against the rest)."""

# mypy: allow-untyped-calls

import warnings
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.metrics._threads import map_threads, single_threaded_algebra
from disbench.table import FloatArray

Floats = NDArray[np.float64]

Solver = Literal["multinomial", "one-versus-rest"]
"""`multinomial`: L-BFGS on the softmax loss, scikit-learn's default since 0.22. `one-versus-rest`: LIBLINEAR on one
binary problem for each class, intercepts regularised, its default until then, with which the studies were published."""

_MAX_ITERATIONS = 100  # scikit-learn's default; where it ends the search early, the result is what it found by then.
_PART, _MAX_PARTS = 50_000, 16  # Scores that are worth a thread, and parts at most.


class Logistic(NamedTuple):
    """Linear classifier: score of class `classes[k]` is `codes @ slopes[:, k] + intercepts[k]`."""

    classes: IntArray
    slopes: Floats
    intercepts: Floats
    solver: Solver

    @property
    def weights(self) -> Floats:
        """Slopes and intercepts (num_latents + 1, k), or the second column alone for two classes."""
        weights = np.concatenate([self.slopes, self.intercepts[None]])
        return weights if len(self.classes) > 2 else weights[:, 1:]

    def scores(self, codes: FloatArray) -> Floats:
        """Decision values (n, k)."""
        return np.asarray(codes @ self.slopes + self.intercepts)

    def predict(self, codes: FloatArray) -> IntArray:
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
    with single_threaded_algebra():
        return fit_path(codes, targets, classes, [c])[0]


def fit_path(
    codes: Floats, targets: IntArray, classes: IntArray, cs: Sequence[float], start: Floats | None = None
) -> list[Logistic]:
    """Fit a multinomial classifier for each regularisation c, each from the weights of the one before.

    `targets` (n,) are indices into `classes`, not all of which need occur. Two classes are one binary problem.
    `start` are weights (num_latents + 1, k), or one column for two classes. Faster with `single_threaded_algebra`.
    """
    from scipy.optimize import minimize

    objective = _Softmax(codes, targets, len(classes)) if len(classes) > 2 else _Sigmoid(codes, targets)
    weights = np.zeros(objective.shape) if start is None else start
    options = {"maxiter": _MAX_ITERATIONS, "maxls": 50, "gtol": 1e-4, "ftol": 64 * np.finfo(np.float64).eps}
    fitted = []
    for c in cs:
        result = minimize(
            objective.value_and_gradient,
            weights.ravel(),
            args=(1.0 / (c * len(codes)),),
            method="L-BFGS-B",
            jac=True,
            options=options,
        )
        weights = result.x.reshape(objective.shape)
        columns = weights if weights.shape[1] > 1 else np.concatenate([np.zeros_like(weights), weights], axis=1)
        fitted.append(Logistic(classes, columns[:-1], columns[-1], "multinomial"))
    return fitted


class _Softmax:
    """Mean of the softmax loss over the points, plus half the penalty times the squared slopes."""

    def __init__(self, codes: Floats, targets: IntArray, num_classes: int) -> None:
        from disbench.metrics._softmax import WIDTH

        self.shape = (codes.shape[1] + 1, num_classes)
        self._num = len(codes)
        num_blocks, num_inputs = -(-len(codes) // WIDTH), -(-self.shape[0] // 4) * 4
        inputs = np.zeros((num_blocks * WIDTH, num_inputs))
        inputs[: self._num, : self.shape[0] - 1], inputs[: self._num, self.shape[0] - 1] = codes, 1.0
        labels = np.zeros(num_blocks * WIDTH, dtype=np.int64)
        labels[: self._num] = targets
        counts = np.full(num_blocks, WIDTH)
        counts[-1] = self._num - (num_blocks - 1) * WIDTH
        self._num_inputs = num_inputs
        self._points = (
            np.ascontiguousarray(inputs.reshape(num_blocks, WIDTH, num_inputs).transpose(0, 2, 1)),
            labels.reshape(num_blocks, WIDTH),
            counts,
        )
        # Their number depends on the shape only, so that sums have one order whatever the number of threads.
        num_parts = min(max(self._num * num_classes // _PART, 1), _MAX_PARTS, num_blocks)
        self._parts = list(pairwise(np.linspace(0, num_blocks, num_parts + 1).astype(int).tolist()))

    def value_and_gradient(self, weights: Floats, penalty: float) -> tuple[float, Floats]:
        from disbench.metrics._softmax import softmax_loss

        weights = weights.reshape(self.shape)
        padded = np.zeros((self._num_inputs, self.shape[1]))
        padded[: len(weights)] = weights

        def loss_of(part: tuple[int, int]) -> tuple[float, Floats]:
            gradient = np.zeros_like(padded)
            inputs, labels, counts = (array[slice(*part)] for array in self._points)
            return float(softmax_loss(inputs, labels, counts, padded, gradient)), gradient

        pairs = map_threads(loss_of, self._parts)
        loss = sum(value for value, _ in pairs) / self._num + 0.5 * penalty * float((weights[:-1] ** 2).sum())
        gradient = np.sum([part for _, part in pairs], axis=0)[: len(weights)] / self._num
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
