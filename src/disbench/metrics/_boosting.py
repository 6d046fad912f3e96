"""Kernels of gradient boosted trees with exact splits. Imported where trees are fitted, because Numba is slow to load.

The trees are scikit-learn's: depth 3, the split of a node is the one of all that reduces the squared error of the
gradients most. Every feature is sorted once for all trees; a node holds, for each feature, its points in that order,
and a split divides the lists without sorting them again. Sums are rounded as scikit-learn 1.7 rounds them.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from disbench.metrics._compile import compiled
from disbench.metrics._rounding import pairwise_sum
from disbench.metrics._splits import best_split
from disbench.metrics._visits import draw_visits

_NUM_NODES = 7  # Of a complete binary tree of depth 3; the children of node i are 2 i + 1 and 2 i + 2.
_PURE = 2.0**-52  # Nodes with a smaller variance are not split, likewise.
_DEPTH_FIRST = (0, 1, 3, 4, 2, 5, 6)
_FAST = {"nsz"}


@compiled(fastmath=_FAST)
def _divide(source, target, start, stop, num_left, goes_left):
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
def _sums(samples, start, stop, gradient):
    """Return sum and sum of squares of the gradients of a part of the samples, in their order."""
    total, squares = 0.0, 0.0
    for index in range(start, stop):
        value = gradient[samples[index]]
        total += value
        squares += value * value
    return total, squares


@compiled(fastmath=_FAST)
def _part(samples, start, stop, goes_left):
    """Exchange samples so that those that go left come first."""
    place, end = start, stop
    while place < end:
        if goes_left[samples[place]]:
            place += 1
        else:
            end -= 1
            samples[place], samples[end] = samples[end], samples[place]


@compiled(fastmath=_FAST)
def _grow(lists, samples, values, runs, gradient, seed, inverse, weight, leaf_of, features, thresholds, importance):
    """Grow a tree on gradients; `lists[0]` are the points sorted by each feature, the others are room for the halves.

    Fills the splits of the nodes and the leaf of each point, and adds to the importances. `samples` are the points in
    the order in which scikit-learn would have them, which shows in the rounding of sums.
    """
    num_features, num_points = values.shape
    state = np.full(1, seed, dtype=np.uint64)
    order, constants = np.arange(num_features), np.zeros(num_features, dtype=np.int64)
    visits = np.empty(num_features, dtype=np.int64)
    # Of nodes and the children of the last level: constant features, first point, and impurity.
    num_constant = np.zeros(2 * _NUM_NODES + 1, dtype=np.int64)
    starts, stops = np.zeros(2 * _NUM_NODES + 1, dtype=np.int64), np.full(2 * _NUM_NODES + 1, num_points)
    impurity = np.zeros(2 * _NUM_NODES + 1)
    for point in range(num_points):
        samples[point] = point
    total, squares = _sums(samples, 0, num_points, gradient)
    impurity[0] = squares / num_points - (total / num_points) ** 2
    for node in _DEPTH_FIRST:
        level = 0 if node == 0 else 1 if node < 3 else 2
        source = lists[level]
        start, stop = starts[node], stops[node]
        num, num_left, feature = stop - start, stop - start, np.int64(-1)
        left, right = 2 * node + 1, 2 * node + 2
        features[node], thresholds[node] = 0, np.inf  # A node that is not split sends all its points left.
        for index in range(start, stop):
            leaf_of[source[0, index]] = 1
        if num > 1 and impurity[node] > _PURE:
            total, squares = _sums(samples, start, stop, gradient)
            for count in range(1, num):
                weight[count] = inverse[count] * inverse[num - count]
            num_visits, known = draw_visits(
                source, start, stop, values, state, order, constants, num_constant[node], visits
            )
            num_constant[left : right + 1] = known
            gain, feature, num_left = best_split(
                source, start, stop, gradient, total, weight, values, runs, visits[:num_visits]
            )
        if feature >= 0:
            cut = start + num_left
            low = np.float64(values[feature, source[feature, cut - 1]])
            high = np.float64(values[feature, source[feature, cut]])
            threshold = low / 2 + high / 2
            features[node], thresholds[node] = feature, low if threshold == high else threshold
            importance[feature] += gain * inverse[num]
            for index in range(cut, stop):
                leaf_of[source[feature, index]] = 0
            samples[start:stop] = source[visits[num_visits - 1], start:stop]
            _part(samples, start, stop, leaf_of)
            left_sum, left_squares = _sums(samples, start, cut, gradient)
            if num_left > stop - cut:
                left_sum = total
                for index in range(stop - 1, cut - 1, -1):
                    left_sum -= gradient[samples[index]]
            impurity[left] = left_squares / num_left - (left_sum / num_left) ** 2
            rest = stop - cut
            impurity[right] = (squares - left_squares) / rest - ((total - left_sum) / rest) ** 2
        starts[left], stops[left] = start, start + num_left
        starts[right], stops[right] = start + num_left, stop
        if level < 2:
            for each in range(num_features):
                _divide(source[each], lists[level + 1, each], start, stop, num_left, leaf_of)
    for leaf in range(8):
        for index in range(starts[_NUM_NODES + leaf], stops[_NUM_NODES + leaf]):
            leaf_of[samples[index]] = leaf
    return stops[_NUM_NODES:]


@compiled(fastmath=_FAST)
def grow_trees(
    first, last, lists, inverse, values, runs, labels, seeds, rate, gradients, raw, features, thresholds, leaves, gains
):
    """Grow the trees of classes `first` to `last` at one stage, and add what they predict to `raw`.

    Shapes, of n points, d features and k classes (one for a binary problem, which is class 1): lists (3, d, n), of
    which the first are the points sorted by each feature and the others room to work; inverse (n + 1,), of 0, 1, ..., n
    with 0 for 0; values (d, n); runs (d,), the most points that share a value; labels (n,); seeds (k,), of the order in
    which nodes consider features, of which the first of several equals wins; gradients, raw (k, n); and the trees:
    features and thresholds (k, 7), leaves (k, 8), gains (k, d), to which the decrease of the squared error is added.
    """
    num_points, num_classes = len(labels), len(raw)
    leaf_of, samples = np.empty(num_points, dtype=np.uint8), np.empty(num_points, dtype=np.uint32)
    weight, slopes, curvatures = np.empty(len(inverse)), np.empty(num_points), np.empty(num_points)
    places = np.empty(8, dtype=np.int64)
    scale = 1.0 if num_classes == 1 else (num_classes - 1) / num_classes
    for label in range(first, last):
        gradient = gradients[label]
        stops = _grow(
            lists, samples, values, runs, gradient, seeds[label], inverse, weight, leaf_of,
            features[label], thresholds[label], gains[label],
        )  # fmt: skip
        places[0], places[1:] = 0, stops[:7]
        target = 1 if num_classes == 1 else label
        for point in range(num_points):
            place = places[leaf_of[point]]
            probability = (1.0 if labels[point] == target else 0.0) - gradient[point]
            slopes[place], curvatures[place] = gradient[point], probability * (1 - probability)
            places[leaf_of[point]] += 1
        for leaf in range(8):
            start, num = stops[leaf - 1] if leaf else 0, stops[leaf] - (stops[leaf - 1] if leaf else 0)
            leaves[label, leaf] = 0.0
            if num:
                curvature = pairwise_sum(curvatures, start, num) / num
                slope = pairwise_sum(slopes, start, num) / num
                leaves[label, leaf] = scale * slope / curvature if abs(curvature) >= 1e-150 else 0.0
        for point in range(num_points):
            raw[label, point] += rate * leaves[label, leaf_of[point]]


@compiled(fastmath=_FAST)
def add_trees(first, last, values, rate, features, thresholds, leaves, raw):
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
