"""Linear support vector machines on one feature, as scikit-learn's LinearSVC solves them, many at once."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray

Floats = NDArray[np.float64]

_MAX_STEPS = 1000
_TOLERANCE = 1e-4  # LinearSVC's default.


class _Point(NamedTuple):
    """Value (k,), gradient (2, k) and curvature (3, k: slope-slope, slope-intercept, intercept-intercept)."""

    value: Floats
    gradient: Floats
    curvature: Floats


class OneFeatureProblem:
    """Classes against the rest by one feature, squared hinge loss, the intercept regularised like the weight.

    For class k with targets y = +1 (class k) and -1 (the others), minimises over slope w and intercept b
    `(w^2 + b^2) / 2 + sum_i c_i max(0, 1 - y_i (w x_i + b))^2`, which is what liblinear's primal solver minimises.
    The loss is quadratic on the points inside the margin. Ordered by x they are a run at one end or the other, so sums
    over them are differences of cumulative sums, and a step costs a binary search, not a pass over the data.

    Parameters
    ----------
    feature
        (n,)
    classes
        (n,), class numbers 0 to k - 1, each with at least one point, k at least 2.
    positive_cost, negative_cost
        (k,) penalty of points of the class, and of the other points.
    """

    def __init__(self, feature: Floats, classes: IntArray, positive_cost: Floats, negative_cost: Floats) -> None:
        order = np.argsort(feature, kind="stable")
        self._feature = feature[order]
        self._cost = positive_cost, negative_cost
        self._counts = np.bincount(classes)
        num = len(feature)
        # Points grouped by class, in order of x within a class: class and rank in one sorted key.
        self._keys = np.sort(classes[order] * (num + 1) + np.arange(num))
        self._offset = np.arange(len(positive_cost)) * (num + 1)
        self._moments = _cumulative_moments(self._feature)
        self._class_moments = _cumulative_moments(self._feature[self._keys % (num + 1)])

    def solve(self) -> tuple[Floats, Floats]:
        """Slopes (k,) and intercepts (k,).

        A trust region Newton method (Lin, Weng and Keerthi, JMLR 2008) with the constants and the stopping rule of
        liblinear. The rule stops a little short of the optimum, and where classes are hardly told apart that decides
        which of two nearly equal ones is predicted; stopping elsewhere would move accuracies by a point or two.
        """
        weights = np.zeros((2, len(self._offset)))
        at = self._evaluate(weights)
        radius = initial = _norm(at.gradient)
        smaller = np.minimum(self._counts, len(self._feature) - self._counts)
        target = _TOLERANCE * np.maximum(smaller, 1) / len(self._feature) * initial
        searching = initial > target
        for iteration in range(_MAX_STEPS):
            step, residual = _conjugate_gradient(at, radius)
            moved = self._evaluate(weights + step)
            descent = (at.gradient * step).sum(axis=0)
            predicted = -0.5 * (descent - (step * residual).sum(axis=0))
            actual = at.value - moved.value
            length = _norm(step)
            if iteration == 0:
                radius = np.minimum(radius, length)
            radius = _next_radius(radius, length, descent, actual, predicted)
            accepted = searching & (actual > 1e-4 * predicted)
            weights = np.where(accepted, weights + step, weights)
            at = _Point(*(np.where(accepted, new, old) for new, old in zip(moved, at, strict=True)))
            negligible = 1e-12 * np.abs(at.value)
            stalled = (np.abs(actual) <= negligible) & (np.abs(predicted) <= negligible)
            searching &= ~stalled & ~(accepted & (_norm(at.gradient) <= target))
            if not searching.any():
                break
        return weights[0], weights[1]

    def _evaluate(self, weights: Floats) -> _Point:
        slope, intercept = weights
        value = (slope**2 + intercept**2) / 2
        gradient = weights.copy()
        curvature = np.stack([np.ones_like(slope), np.zeros_like(slope), np.ones_like(slope)])
        for sign, cost in zip((1.0, -1.0), self._cost, strict=True):
            count, first, second = self._inside_margin(slope, intercept, sign)
            # The margin is missed by 1 - sign * (w x + b) at each of these points.
            missed = count - sign * (slope * first + intercept * count)
            missed_first = first - sign * (slope * second + intercept * first)
            value += cost * (missed - sign * (slope * missed_first + intercept * missed))
            gradient -= 2 * sign * cost * np.stack([missed_first, missed])
            curvature += 2 * cost * np.stack([second, first, count])
        return _Point(value, gradient, curvature)

    def _inside_margin(self, slope: Floats, intercept: Floats, sign: float) -> Floats:
        """Count, sum of x and sum of x^2 (3, k) of the points with sign * (w x + b) < 1, in the class or outside it."""
        num = len(self._feature)
        flat = slope == 0
        bound = (sign - intercept) / np.where(flat, 1.0, slope)
        upwards = sign * slope > 0
        below, up_to = (np.searchsorted(self._feature, bound, side=side) for side in ("left", "right"))
        # The run is [0, below) if sign * (w x + b) grows with x, [up_to, n) if it falls, all or nothing if it is flat.
        start = np.where(flat | upwards, 0, up_to)
        stop = np.where(flat, np.where(sign * intercept < 1, num, 0), np.where(upwards, below, num))
        first, last = (np.searchsorted(self._keys, self._offset + rank) for rank in (start, stop))
        in_class = self._class_moments[:, last] - self._class_moments[:, first]
        if sign > 0:
            return np.asarray(in_class)
        return np.asarray(self._moments[:, stop] - self._moments[:, start] - in_class)


def _conjugate_gradient(at: _Point, radius: Floats) -> tuple[Floats, Floats]:
    """Step (2, k) within the trust region that solves the Newton equation to a tenth of its size, and the residual."""
    step, residual = np.zeros_like(at.gradient), -at.gradient
    direction, target = residual, 0.1 * _norm(at.gradient)
    going = _norm(residual) > target
    while going.any():
        image = np.stack(
            [
                at.curvature[0] * direction[0] + at.curvature[1] * direction[1],
                at.curvature[1] * direction[0] + at.curvature[2] * direction[1],
            ]
        )
        squared = (residual**2).sum(axis=0)
        reach = squared / np.where(going, (direction * image).sum(axis=0), 1.0)
        outside = going & (_norm(step + reach * direction) > radius)
        reach = np.where(outside, _reach_boundary(step, direction, radius), reach)
        step = np.where(going, step + reach * direction, step)
        residual = np.where(going, residual - reach * image, residual)
        going &= ~outside & (_norm(residual) > target)
        ratio = (residual**2).sum(axis=0) / np.where(going, squared, 1.0)
        direction = np.where(going, residual + ratio * direction, direction)
    return step, residual


def _reach_boundary(step: Floats, direction: Floats, radius: Floats) -> Floats:
    """How far (k,) to go along a direction from inside the trust region to its boundary."""
    along, inside = (step * direction).sum(axis=0), radius**2 - (step**2).sum(axis=0)
    squared = (direction**2).sum(axis=0)
    root = np.sqrt(np.maximum(along**2 + squared * inside, 0.0))
    forwards = inside / np.where(along >= 0, np.where(along + root > 0, along + root, 1.0), 1.0)
    backwards = (root - along) / np.where(squared > 0, squared, 1.0)
    return np.asarray(np.where(along >= 0, forwards, backwards))


def _next_radius(radius: Floats, length: Floats, descent: Floats, actual: Floats, predicted: Floats) -> Floats:
    """Trust region (k,) after a step, by how much of the predicted decrease came true."""
    excess = -actual - descent
    alpha = np.where(excess <= 0, 4.0, np.maximum(0.25, -0.5 * descent / np.where(excess > 0, excess, 1.0)))
    return np.select(
        [actual < 1e-4 * predicted, actual < 0.25 * predicted, actual < 0.75 * predicted],
        [
            np.minimum(np.maximum(alpha, 0.25) * length, 0.5 * radius),
            np.maximum(0.25 * radius, np.minimum(alpha * length, 0.5 * radius)),
            np.maximum(0.25 * radius, np.minimum(alpha * length, 4 * radius)),
        ],
        np.maximum(radius, np.minimum(alpha * length, 4 * radius)),
    )


def _norm(vectors: Floats) -> Floats:
    return np.asarray(np.sqrt((vectors**2).sum(axis=0)))


def _cumulative_moments(values: Floats) -> Floats:
    """Add up 1, x and x^2 (3, n + 1) of the first 0, 1, ..., n values."""
    moments = np.zeros((3, len(values) + 1))
    np.cumsum(np.stack([np.ones_like(values), values, values**2]), axis=1, out=moments[:, 1:])
    return moments
