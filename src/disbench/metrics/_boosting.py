"""Kernels of gradient boosted trees with exact splits. Imported where trees are fitted, because Numba is slow to load.

The trees are scikit-learn's: depth 3, the split of a node is the one of all that reduces the squared error of the
gradients most. Bounds rule out most splits. If several may be the best, because they gain the same up to rounding, then
sums are rounded as scikit-learn 1.7 rounds them.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from disbench.metrics._bins import bound_bins, fill_bins, fill_bins_of_all, find_rivals, subtract_bins
from disbench.metrics._compile import compiled
from disbench.metrics._replay import list_members, replay, sort_few
from disbench.metrics._rounding import pairwise_sum
from disbench.metrics._splits import best_split
from disbench.metrics._visits import draw_visits, find_ends

_NUM_NODES = 7  # Of a complete binary tree of depth 3; the children of node i are 2 i + 1 and 2 i + 2.
_PURE = 2.0**-52  # Nodes with a smaller variance are not split, likewise.
_FEW = 64  # Points that are sorted sooner than found among all sorted points.
_UNIT = 2.0**-53  # Largest error of rounding, relative.
_DEPTH_FIRST = (0, 1, 3, 4, 2, 5, 6)
# A path has a bit for each level, the lowest for the root, which is set where a point went right.
_LEAF_OF_PATH = (0, 4, 2, 6, 1, 5, 3, 7)
_FAST = {"nsz"}


@compiled(fastmath=_FAST)
def _mark(members, column, low, bit, path):
    """Mark in the paths of points that those with a larger value go right, and return how many go left."""
    num_right = np.uint64(0)
    for point in members:
        is_right = np.uint8(column[point] > low)
        path[point] |= is_right * bit
        num_right += np.uint64(is_right)
    return len(members) - np.int64(num_right)


@compiled(fastmath=_FAST)
def _part(members, path, bit, gradient, room):
    """Put members that went left first, and return the sums of squared gradients on the left and on the right."""
    one, left, right = np.uint64(1), np.uint64(0), np.uint64(0)
    left_squares, right_squares = 0.0, 0.0
    for point in members:
        is_right = np.uint64(path[point] & bit != 0)
        members[left], room[right] = point, point
        left += one - is_right
        right += is_right
        square = gradient[point] ** 2
        left_squares += square if not is_right else 0.0
        right_squares += square if is_right else 0.0
    members[left:] = room[:right]
    return left_squares, right_squares


@compiled(fastmath=_FAST)
def _exact_split(data, rivals, members, path, mask, code, gradient, total, lists, weight):
    """Return gain, feature, points left, and the values beside the best split of some features; feature -1 for none."""
    num = len(members)
    for feature in rivals:
        if num <= _FEW:
            sort_few(members, data.values[feature], lists[feature])
        else:
            list_members(data.order[feature], path, mask, code, lists[feature])
    for count in range(1, num):
        weight[count] = data.inverse[count] * data.inverse[num - count]
    gain, feature, num_left = best_split(lists, 0, num, gradient, total, weight, data.values, data.runs, rivals)
    if feature < 0:
        return gain, feature, num, np.float32(0), np.float32(0)
    low, high = data.values[feature, lists[feature, num_left - 1]], data.values[feature, lists[feature, num_left]]
    return gain, feature, num_left, low, high


@compiled(fastmath=_FAST)
def _grow(data, gradient, seed, room, path, sizes, features, thresholds, importance):
    """Grow a tree on gradients: fill its splits, the paths of points, and the number of points of each path.

    Adds to the importances.
    """
    num_features, num_points = data.values.shape
    members, lists, sums, bounds, befores, weight = room
    state = np.full(1, seed, dtype=np.uint64)
    order, constants = np.arange(num_features), np.zeros(num_features, dtype=np.int64)
    visits, rivals, last_visits = (
        np.empty(num_features, dtype=np.int64),
        np.empty(num_features, np.int64),
        np.zeros(3, np.int64),
    )
    lowest, highest, best = np.empty(num_features), np.empty(num_features), np.empty((num_features, 5))
    # Of nodes and the children of the last level.
    num_constant, codes = np.zeros(15, dtype=np.int64), np.zeros(15, dtype=np.uint8)
    starts, stops, squares = np.zeros(15, dtype=np.int64), np.zeros(15, dtype=np.int64), np.zeros(15)
    path[:] = 0
    stops[0] = num_points
    for point in range(num_points):
        members[0, point] = point
        squares[0] += gradient[point] ** 2
    fill_bins_of_all(data.order, data.edges, gradient, sums[0])
    all_sizes = sums[0, 0, :, 1].sum()
    for node in _DEPTH_FIRST:
        level = 0 if node == 0 else 1 if node < 3 else 2
        code, bit = codes[node], np.uint8(1 << level)
        mask = np.uint8(bit - 1)
        start, stop = starts[node], stops[node]
        num, num_left, feature = stop - start, stop - start, np.int64(-1)
        left, right = 2 * node + 1, 2 * node + 2
        features[node], thresholds[node] = 0, np.inf  # A node that is not split sends all its points left.
        if num > 1 and squares[node] > 0:
            bins = sums[node]
            total, size = bound_bins(bins, num, data.inverse, bounds, befores)
            # Sums of up to all points, in any order and by differences, are this close.
            doubt = num_points * _UNIT * (size + all_sizes)
            mean = total / num
            impurity = squares[node] / num - mean * mean
            is_replayed = impurity < _PURE + 2 * (num_points * _UNIT * squares[0] + abs(mean) * doubt) / num
            if is_replayed:
                total, impurity = replay(data.order, last_visits, path, level, code, gradient, members[1])
            if impurity > _PURE:
                find_ends(data.order, data.edges, data.values, path, mask, code, bins, lowest, highest)
                num_visits, known = draw_visits(lowest, highest, state, order, constants, num_constant[node], visits)
                num_constant[left : right + 1] = known
                if num_visits:
                    last_visits[level] = visits[num_visits - 1]
                    slack = 4 * doubt / np.sqrt(num - 1)
                    floor = find_rivals(
                        data.order, data.edges, data.values, path, mask, code, gradient, mean, num, data.inverse, slack,
                        visits[:num_visits], bounds, befores, best,
                    )  # fmt: skip
                    num_rivals, num_seconds = 0, 0
                    for each in visits[:num_visits]:
                        if best[each, 0] >= floor:
                            rivals[num_rivals] = each
                            num_rivals += 1
                            num_seconds += best[each, 1] >= floor
                    if num_rivals == 1 and num_seconds == 0:
                        feature = rivals[0]
                        gain, num_left = best[feature, 0] * num * num, np.int64(best[feature, 2])
                        low = data.values[feature, data.order[feature, np.int64(best[feature, 3])]]
                        high = data.values[feature, data.order[feature, np.int64(best[feature, 4])]]
                    else:
                        if not is_replayed:
                            total, _ = replay(data.order, last_visits, path, level, code, gradient, members[1])
                        gain, feature, num_left, low, high = _exact_split(
                            data,
                            rivals[:num_rivals],
                            members[0, start:stop],
                            path,
                            mask,
                            code,
                            gradient,
                            total,
                            lists,
                            weight,
                        )
        if feature >= 0:
            middle = np.float64(low) / 2 + np.float64(high) / 2
            features[node] = feature
            thresholds[node] = np.float64(low) if middle == np.float64(high) else middle
            importance[feature] += gain * data.inverse[num]
            _mark(members[0, start:stop], data.values[feature], low, bit, path)
            if level < 2:
                squares[left], squares[right] = _part(members[0, start:stop], path, bit, gradient, members[1])
                small, large = (left, right) if num_left <= num - num_left else (right, left)
                first = start if small == left else start + num_left
                fill_bins(members[0, first : first + min(num_left, num - num_left)], data.bins, gradient, sums[small])
                subtract_bins(sums[node], sums[small], sums[large])
        starts[left], stops[left], starts[right], stops[right] = start, start + num_left, start + num_left, stop
        codes[left], codes[right] = code, code | bit
        if level == 2:
            sizes[code], sizes[code | bit] = num_left, num - num_left


@compiled(fastmath=_FAST)
def grow_trees(first, last, data, labels, seeds, rate, gradients, raw, features, thresholds, leaves, gains):
    """Grow the trees of classes `first` to `last` at one stage, and add what they predict to `raw`.

    Shapes, of n points, d features and k classes (one for a binary problem, which is class 1): `data`, the `Sorted`
    points; labels (n,); seeds (k,), of the order in which nodes consider features, of which the first of several equals
    wins; gradients, raw (k, n); and the trees: features and thresholds (k, 7), leaves (k, 8), gains (k, d), to which
    the decrease of the squared error is added.
    """
    num_points, num_classes = len(labels), len(raw)
    num_features, num_bins = len(data.values), len(data.edges) - 1
    room = (
        np.empty((2, num_points + 1), dtype=np.uint32), np.empty((num_features, num_points + 1), dtype=np.uint32),
        np.zeros((_NUM_NODES, num_features, num_bins, 3)), np.empty((num_features, num_bins)),
        np.empty((num_features, num_bins, 2)), np.empty(num_points + 1),
    )  # fmt: skip
    path, slopes, curvatures = np.empty(num_points, dtype=np.uint8), np.empty(num_points), np.empty(num_points)
    sizes, places, steps = np.empty(8, dtype=np.int64), np.empty(8, dtype=np.int64), np.empty(8)
    scale = 1.0 if num_classes == 1 else (num_classes - 1) / num_classes
    for label in range(first, last):
        gradient = gradients[label]
        _grow(data, gradient, seeds[label], room, path, sizes, features[label], thresholds[label], gains[label])
        target = 1 if num_classes == 1 else label
        places[0] = 0
        places[1:] = np.cumsum(sizes)[:7]
        for point in range(num_points):
            place = places[path[point]]
            probability = (1.0 if labels[point] == target else 0.0) - gradient[point]
            slopes[place], curvatures[place] = gradient[point], probability * (1 - probability)
            places[path[point]] += 1
        for way in range(8):
            num, start = sizes[way], places[way] - sizes[way]
            leaf = 0.0
            if num:
                curvature = pairwise_sum(curvatures, start, num) / num
                slope = pairwise_sum(slopes, start, num) / num
                leaf = scale * slope / curvature if abs(curvature) >= 1e-150 else 0.0
            leaves[label, _LEAF_OF_PATH[way]] = leaf
            steps[way] = rate * leaf
        for point in range(num_points):
            raw[label, point] += steps[path[point]]


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
