"""Kernels that find the best split of a node. Imported where trees are fitted, because Numba is slow to load."""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from disbench.metrics._compile import compiled
from disbench.metrics._visits import TIE

_FAST = {"nsz"}


# Sums and gains are rounded as scikit-learn 1.7 rounds them, because rounding decides between splits of the same points
# by several features. A product with the inverse is faster than a division, and wrong by less than this share.
_SLACK = 1 - 1e-14


@compiled(fastmath=_FAST)
def _best_places(first, second, start, stop, num_simple, gradient, total, weight, first_values, second_values):
    """Return gain, points left and sum of the best of the first `num_simple` splits of two lists of the same points.

    Two lists at once, because one sum would wait for itself. Whether a place lies between equal values is looked up
    only where it would be the best.
    """
    sum_1, best_1, floor_1, place_1 = 0.0, -1.0, -1.0, 0
    sum_2, best_2, floor_2, place_2 = 0.0, -1.0, -1.0, 0
    num = stop - start
    for count in range(1, num_simple + 1):
        sum_1 += gradient[first[start + count - 1]]
        sum_2 += gradient[second[start + count - 1]]
        rest = num - count
        excess_1 = rest * sum_1 - count * (total - sum_1)
        excess_2 = rest * sum_2 - count * (total - sum_2)
        if excess_1 * excess_1 * weight[count] > floor_1:
            gain = excess_1 * excess_1 / (count * rest)
            if gain > best_1 and _apart(first, start + count, first_values):
                best_1, floor_1, place_1 = gain, gain * _SLACK, count
        if excess_2 * excess_2 * weight[count] > floor_2:
            gain = excess_2 * excess_2 / (count * rest)
            if gain > best_2 and _apart(second, start + count, second_values):
                best_2, floor_2, place_2 = gain, gain * _SLACK, count
    return best_1, place_1, sum_1, best_2, place_2, sum_2


@compiled(fastmath=_FAST)
def _apart(points, place, values):
    """Whether a point has another value than the one before it; points that share a value stay together."""
    return values[points[place]] > values[points[place - 1]] + TIE


@compiled(fastmath=_FAST)
def _best_of_rest(points, start, stop, num_simple, gradient, total, values, left, best, place):
    """Return gain and points left of the best split of a list, of which the first `num_simple` are known.

    `left` is the sum of as many gradients. Where more points share a value than follow them, the sum on the left is
    what the others leave of the total, which rounds differently.
    """
    num, added, summed = stop - start, num_simple, num_simple
    while summed > 0 and not _apart(points, start + summed, values):
        summed -= 1
    for count in range(num_simple + 1, num):
        if not _apart(points, start + count, values):
            continue
        if count - summed <= num - count:
            for index in range(start + added, start + count):
                left += gradient[points[index]]
        else:
            left = total
            for index in range(stop - 1, start + count - 1, -1):
                left -= gradient[points[index]]
        added, summed = count, count
        excess = (num - count) * left - count * (total - left)
        gain = excess * excess / (count * (num - count))
        if gain > best:
            best, place = gain, count
    return best, place


@compiled(fastmath=_FAST)
def best_split(source, start, stop, gradient, total, weight, values, runs, visits):
    """Return gain, feature and number of points left of the best split of a node; feature -1 if there is none."""
    best, feature, num_left = -1.0, np.int64(-1), stop - start
    gains, counts, sums = np.empty(2), np.empty(2, dtype=np.int64), np.empty(2)
    for visit in range(0, len(visits), 2):
        pair = visits[visit], visits[min(visit + 1, len(visits) - 1)]
        # As many points as share a value must follow a split for its sum to be that of the points before it.
        num_simple = max(0, stop - start - max(runs[pair[0]], runs[pair[1]]))
        gains[0], counts[0], sums[0], gains[1], counts[1], sums[1] = _best_places(
            source[pair[0]], source[pair[1]], start, stop, num_simple, gradient, total, weight,
            values[pair[0]], values[pair[1]],
        )  # fmt: skip
        for index in range(2):
            each = pair[index]
            gain, count = _best_of_rest(
                source[each], start, stop, num_simple, gradient, total, values[each],
                sums[index], gains[index], counts[index],
            )  # fmt: skip
            if gain > best:
                best, feature, num_left = gain, np.int64(each), count
    return best, feature, num_left
