"""Kernels of gradient boosted trees with exact splits. Imported where trees are fitted, because Numba is slow to load.

The trees are scikit-learn's: depth 3, the split of a node is the one of all that reduces the squared error of the
gradients most. Every feature is sorted once for all trees; a node holds, for each feature, its points in that order,
and a split divides the lists without sorting them again.
"""

from typing import Any

import numpy as np

from disbench.metrics._compile import compiled

_NUM_NODES = 7  # Of a complete binary tree of depth 3; the children of node i are 2 i + 1 and 2 i + 2.
_TIE = np.float32(1e-7)  # Values that are closer are not split, as in scikit-learn.
_PURE = 2.2e-16  # Nodes with a smaller variance are not split, likewise.
_FAST = {"contract", "nsz", "arcp"}


@compiled(fastmath=_FAST)
def _best_places(first: Any, second: Any, start: Any, stop: Any, gradient: Any, mean: Any, weight: Any) -> Any:
    """Return gain and number of points left of the best split of a list, for two lists of the same points at once.

    Two sums at once, because one would wait for itself. Ties of values are not looked at.
    """
    sum_1, best_1, place_1 = 0.0, -1.0, 0
    sum_2, best_2, place_2 = 0.0, -1.0, 0
    for count in range(1, stop - start):
        sum_1 += gradient[first[start + count - 1]] - mean
        sum_2 += gradient[second[start + count - 1]] - mean
        gain_1 = sum_1 * sum_1 * weight[count]
        gain_2 = sum_2 * sum_2 * weight[count]
        if gain_1 > best_1:
            best_1, place_1 = gain_1, count
        if gain_2 > best_2:
            best_2, place_2 = gain_2, count
    return best_1, place_1, best_2, place_2


@compiled(fastmath=_FAST)
def _best_place_with_ties(
    points: Any, start: Any, stop: Any, gradient: Any, mean: Any, weight: Any, values: Any
) -> Any:
    """Return the same for one list; points that share a value stay together."""
    left, best, place = 0.0, -1.0, 0
    for count in range(1, stop - start):
        point = points[start + count - 1]
        left += gradient[point] - mean
        if values[points[start + count]] > values[point] + _TIE:
            gain = left * left * weight[count]
            if gain > best:
                best, place = gain, count
    return best, place


@compiled(fastmath=_FAST)
def _best_split(
    source: Any, start: Any, stop: Any, gradient: Any, mean: Any, weight: Any, values: Any, tied: Any, visits: Any
) -> Any:
    """Return gain, feature and number of points left of the best split of a node; feature -1 if there is none."""
    best, feature, num_left = -1.0, -1, stop - start
    gains, counts = np.empty(2), np.empty(2, dtype=np.int64)
    for visit in range(0, len(visits), 2):
        pair = visits[visit], visits[min(visit + 1, len(visits) - 1)]
        if not (tied[pair[0]] and tied[pair[1]]):
            gains[0], counts[0], gains[1], counts[1] = _best_places(
                source[pair[0]], source[pair[1]], start, stop, gradient, mean, weight
            )
        for index in range(2):
            each = pair[index]
            points = source[each]
            # A place between different values that beats all places beats those between different values.
            cut = start + counts[index]
            if tied[each] or (gains[index] >= 0 and values[each, points[cut]] <= values[each, points[cut - 1]] + _TIE):
                gains[index], counts[index] = _best_place_with_ties(
                    points, start, stop, gradient, mean, weight, values[each]
                )
            if gains[index] > best:
                best, feature, num_left = gains[index], each, counts[index]
    return best, feature, num_left


@compiled(fastmath=_FAST)
def _divide(source: Any, target: Any, start: Any, stop: Any, num_left: Any, goes_left: Any) -> Any:
    """Copy a list so that the points that go left come first, each half in its order."""
    one = np.uint64(1)
    left, right = np.uint64(start), np.uint64(start + num_left)
    for index in range(start, stop):
        point = source[index]
        is_left = np.uint64(goes_left[point])
        target[left if is_left else right] = point
        left += is_left
        right += one - is_left


@compiled(fastmath=_FAST)
def _grow(
    lists: Any,
    values: Any,
    tied: Any,
    gradient: Any,
    visits: Any,
    inverse: Any,
    weight: Any,
    goes_left: Any,
    bounds: Any,
    features: Any,
    thresholds: Any,
    importance: Any,
) -> Any:
    """Grow a tree on gradients; `lists[0]` are the points sorted by each feature, the others are room for the halves.

    Fills the splits of the nodes, adds to the importances, and leaves the nodes of the last level in `bounds[2]` and
    on which side of them each point is in `goes_left`.
    """
    bounds[0, 0], bounds[0, 1] = 0, values.shape[1]
    for level in range(3):
        source = lists[level]
        for place in range(1 << level):
            node = (1 << level) - 1 + place
            start, stop = bounds[level, place], bounds[level, place + 1]
            num = stop - start
            total, squares = 0.0, 0.0
            for index in range(start, stop):
                point = source[0, index]
                total += gradient[point]
                squares += gradient[point] ** 2
                goes_left[point] = 1
            mean = total * inverse[num]
            num_left = num
            features[node], thresholds[node] = 0, np.inf  # A node that is not split sends all its points left.
            # Nothing is left to gain in a node whose gradients are equal but for rounding.
            if squares * inverse[num] - mean * mean > _PURE + 1e-13 * mean * mean:
                for count in range(1, num):
                    weight[count] = inverse[count] * inverse[num - count]
                gain, feature, num_left = _best_split(
                    source, start, stop, gradient, mean, weight, values, tied, visits[node]
                )
                if feature >= 0:
                    cut = start + num_left
                    low = np.float64(values[feature, source[feature, cut - 1]])
                    high = np.float64(values[feature, source[feature, cut]])
                    threshold = low / 2 + high / 2
                    features[node], thresholds[node] = feature, low if threshold == high else threshold
                    importance[feature] += gain * num
                    for index in range(cut, stop):
                        goes_left[source[feature, index]] = 0
            if level < 2:
                bounds[level + 1, 2 * place] = start
                bounds[level + 1, 2 * place + 1] = start + num_left
                bounds[level + 1, 2 * place + 2] = stop
                for each in range(len(tied)):
                    _divide(source[each], lists[level + 1, each], start, stop, num_left, goes_left)


@compiled(fastmath=_FAST)
def grow_trees(
    first: Any,
    last: Any,
    order: Any,
    values: Any,
    tied: Any,
    labels: Any,
    visits: Any,
    rate: Any,
    gradients: Any,
    raw: Any,
    features: Any,
    thresholds: Any,
    leaves: Any,
    importance: Any,
) -> Any:
    """Grow the trees of classes `first` to `last` at one stage, and add what they predict to `raw`.

    Shapes, of n points, d features and k classes (one for a binary problem, which is class 1): order (d, n), the points
    sorted by each feature; values (d, n); tied (d,); labels (n,); visits (k, 7, d), the order in which a node considers
    features, of which the first of several equals wins; gradients, raw (k, n); and the trees: features and thresholds
    (k, 7), leaves (k, 8), importance (k, d), to which the decrease of the squared error is added.
    """
    num_features, num = values.shape
    lists = np.empty((3, num_features, num), dtype=np.uint32)
    lists[0] = order
    goes_left = np.empty(num, dtype=np.uint8)
    bounds = np.zeros((3, 5), dtype=np.int64)
    inverse, weight = np.empty(num + 1), np.empty(num + 1)
    inverse[0] = 0.0
    for count in range(1, num + 1):
        inverse[count] = 1.0 / count
    binary, num_classes = len(raw) == 1, len(raw)
    scale = 1.0 if binary else (num_classes - 1) / num_classes
    for label in range(first, last):
        gradient = gradients[label]
        _grow(
            lists, values, tied, gradient, visits[label], inverse, weight, goes_left, bounds,
            features[label], thresholds[label], importance[label],
        )  # fmt: skip
        for place in range(4):
            start, stop = bounds[2, place], bounds[2, place + 1]
            numerators, denominators = np.zeros(2), np.zeros(2)
            for index in range(start, stop):
                point = lists[2, 0, index]
                side = 1 - goes_left[point]
                probability = (1.0 if labels[point] == label + binary else 0.0) - gradient[point]
                numerators[side] += gradient[point]
                denominators[side] += probability * (1 - probability)
            for side in range(2):
                safe = abs(denominators[side]) >= 1e-150
                leaves[label, 2 * place + side] = scale * numerators[side] / denominators[side] if safe else 0.0
            for index in range(start, stop):
                point = lists[2, 0, index]
                raw[label, point] += rate * leaves[label, 2 * place + 1 - goes_left[point]]


@compiled(fastmath=_FAST)
def add_trees(
    first: Any, last: Any, values: Any, rate: Any, features: Any, thresholds: Any, leaves: Any, raw: Any
) -> Any:
    """Add to `raw` (k, n) what the trees (stages, k, ...) of classes `first` to `last` predict for values (n, d)."""
    for stage in range(len(features)):
        for label in range(first, last):
            feature, threshold = features[stage, label], thresholds[stage, label]
            leaf = leaves[stage, label]
            for point in range(len(values)):
                node = 0
                for _ in range(3):
                    node = 2 * node + (2 if values[point, feature[node]] > threshold[node] else 1)
                raw[label, point] += rate * leaf[node - _NUM_NODES]
