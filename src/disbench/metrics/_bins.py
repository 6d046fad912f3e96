"""Kernels that bound the gain of many splits at once, so that few are looked at. Imported where trees are fitted.

The points sorted by a feature are cut into bins, at the same places for every feature and tree. For each bin of a node
its points are counted, and their gradients and the sizes of these summed. The sums before and after a bin, and how far
its gradients can lead away from both, bound what a split within can gain. The sums of one child of a node are those of
the node without those of the other child.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from disbench.metrics._compile import compiled
from disbench.metrics._visits import TIE

_FAST = {"nsz"}


@compiled(fastmath=_FAST)
def fill_bins(members, bins, gradient, sums):
    """Sum gradients, their sizes and the points themselves (d, bins, 3) in the bins (n, d) of some points."""
    sums[:] = 0.0
    num_features = np.uint64(bins.shape[1])
    for point in members:
        value = gradient[point]
        size = abs(value)
        for feature in range(num_features):
            place = bins[point, feature]
            sums[feature, place, 0] += value
            sums[feature, place, 1] += size
            sums[feature, place, 2] += 1.0


@compiled(fastmath=_FAST)
def fill_bins_of_all(order, edges, gradient, sums):
    """Sum all points in each bin, likewise; the order (d, n) of a feature has those of a bin side by side.

    Two features at once, because one sum would wait for itself.
    """
    num_features = len(order)
    for feature in range(0, num_features, 2):
        other = min(feature + 1, num_features - 1)
        points, others = order[feature], order[other]
        for place in range(len(edges) - 1):
            total, size, other_total, other_size = 0.0, 0.0, 0.0, 0.0
            for index in range(edges[place], edges[place + 1]):
                value, other_value = gradient[points[index]], gradient[others[index]]
                total += value
                size += abs(value)
                other_total += other_value
                other_size += abs(other_value)
            num = edges[place + 1] - edges[place]
            sums[feature, place, 0], sums[feature, place, 1], sums[feature, place, 2] = total, size, num
            sums[other, place, 0], sums[other, place, 1], sums[other, place, 2] = other_total, other_size, num


@compiled(fastmath=_FAST)
def subtract_bins(sums, first, second):
    """Fill the sums of one child of a node from those of the node and of the other child."""
    for feature in range(len(sums)):
        for place in range(sums.shape[1]):
            for entry in range(3):
                second[feature, place, entry] = sums[feature, place, entry] - first[feature, place, entry]


@compiled(fastmath=_FAST)
def bound_bins(sums, num, inverse, bounds, befores):
    """Bound the gain of splits within each bin: bounds (d, bins), and the sum and count before a bin (d, bins, 2).

    A gain is here the decrease of the squared error per point. Returns the sums of gradients and of their sizes.
    """
    total, size = 0.0, 0.0
    for place in range(sums.shape[1]):
        total += sums[0, place, 0]
        size += sums[0, place, 1]
    mean = total / num
    for feature in range(len(sums)):
        left, count, away = 0.0, 0.0, 0.0
        for place in range(sums.shape[1]):
            befores[feature, place, 0], befores[feature, place, 1] = left, count
            inside = sums[feature, place, 2]
            left += sums[feature, place, 0]
            before, away = away, abs(left - (count + inside) * mean)
            # The path from one end of the bin to the other turns back at most halfway.
            furthest = 0.5 * (before + away + sums[feature, place, 1] + inside * abs(mean))
            first = np.uint64(max(count, 1.0))
            count += inside
            last = np.uint64(max(count - 1.0, 1.0))
            rest = np.uint64(num)
            weight = max(inverse[first] * inverse[rest - first], inverse[last] * inverse[rest - last])
            bounds[feature, place] = furthest * furthest * weight if inside > 0 else -1.0
    return total, size


@compiled(fastmath=_FAST)
def _scan_bin(points, start, stop, path, mask, code, gradient, values, left, count, num, mean, inverse, best):
    """Compare the splits before each point of a node in a bin with the best, and keep the second gain: best (5,)."""
    before = -1
    for place in range(start, stop):
        point = points[place]
        if path[point] & mask != code:
            continue
        if count > 0:
            excess = left - count * mean
            gain = excess * excess * (inverse[count] * inverse[num - count])
            if gain > best[1]:
                if before < 0:
                    before = start - 1
                    while path[points[before]] & mask != code:
                        before -= 1
                if values[point] > values[points[before]] + TIE:
                    if gain > best[0]:
                        best[1], best[0] = best[0], gain
                        best[2], best[3], best[4] = count, before, place
                    else:
                        best[1] = gain
        left += gradient[point]
        count += 1
        before = place


@compiled(fastmath=_FAST)
def find_rivals(
    order, edges, values, path, mask, code, gradient, mean, num, inverse, slack, visits, bounds, befores, best
):
    """Look at all splits of a node that may gain most, and return the least gain that may be the most.

    Roots of gains are known up to half of `slack`. Fills `best` (d, 5) of each feature in `visits`: gain, second gain,
    points left, and the places in `order` (d, n) of the last point left and the first right.
    """
    top, floor = -1.0, -1.0
    likely, start = visits[0], 0
    for feature in visits:
        best[feature, 0], best[feature, 1] = -1.0, -1.0
        for place in range(bounds.shape[1]):
            if bounds[feature, place] > top:
                top, likely, start = bounds[feature, place], feature, place
    for visit in range(-1, len(visits)):  # The most likely bin first, because what it gains rules out most others.
        feature = likely if visit < 0 else visits[visit]
        for place in range(bounds.shape[1]):
            is_likely = feature == likely and place == start
            if bounds[feature, place] < max(floor, 0.0) or is_likely != (visit < 0):
                continue
            _scan_bin(
                order[feature], edges[place], edges[place + 1], path, mask, code, gradient, values[feature],
                befores[feature, place, 0], np.int64(befores[feature, place, 1]), num, mean, inverse, best[feature],
            )  # fmt: skip
            root = np.sqrt(max(best[feature, 0], 0.0)) - slack
            if root > 0 and root * root > floor:
                floor = root * root
    return floor
