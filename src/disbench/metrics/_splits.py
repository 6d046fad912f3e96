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
def _best_places(first, second, start, stop, gradient, total, weight):
    """Return gain and number of points left of the best split of a list, for two lists of the same points at once.

    Two sums at once, because one would wait for itself. Ties of values are not looked at.
    """
    sum_1, best_1, floor_1, place_1 = 0.0, -1.0, -1.0, 0
    sum_2, best_2, floor_2, place_2 = 0.0, -1.0, -1.0, 0
    num = stop - start
    for count in range(1, num):
        sum_1 += gradient[first[start + count - 1]]
        sum_2 += gradient[second[start + count - 1]]
        rest = num - count
        excess_1 = rest * sum_1 - count * (total - sum_1)
        excess_2 = rest * sum_2 - count * (total - sum_2)
        if excess_1 * excess_1 * weight[count] > floor_1:
            gain = excess_1 * excess_1 / (count * rest)
            if gain > best_1:
                best_1, floor_1, place_1 = gain, gain * _SLACK, count
        if excess_2 * excess_2 * weight[count] > floor_2:
            gain = excess_2 * excess_2 / (count * rest)
            if gain > best_2:
                best_2, floor_2, place_2 = gain, gain * _SLACK, count
    return best_1, place_1, best_2, place_2


@compiled(fastmath=_FAST)
def _best_place_with_ties(points, start, stop, gradient, total, values):
    """Return the same for one list; points that share a value stay together."""
    left, summed, best, place = 0.0, 0, -1.0, 0
    num = stop - start
    for count in range(1, num):
        if values[points[start + count]] <= values[points[start + count - 1]] + TIE:
            continue
        if count - summed <= num - count:
            for index in range(start + summed, start + count):
                left += gradient[points[index]]
        else:  # The shorter way round.
            left = total
            for index in range(stop - 1, start + count - 1, -1):
                left -= gradient[points[index]]
        summed = count
        excess = (num - count) * left - count * (total - left)
        gain = excess * excess / (count * (num - count))
        if gain > best:
            best, place = gain, count
    return best, place


@compiled(fastmath=_FAST)
def best_split(source, start, stop, gradient, total, weight, values, tied, visits):
    """Return gain, feature and number of points left of the best split of a node; feature -1 if there is none."""
    best, feature, num_left = -1.0, np.int64(-1), stop - start
    gains, counts = np.empty(2), np.empty(2, dtype=np.int64)
    for visit in range(0, len(visits), 2):
        pair = visits[visit], visits[min(visit + 1, len(visits) - 1)]
        if not (tied[pair[0]] and tied[pair[1]]):
            gains[0], counts[0], gains[1], counts[1] = _best_places(
                source[pair[0]], source[pair[1]], start, stop, gradient, total, weight
            )
        for index in range(2):
            each = pair[index]
            points = source[each]
            # A place between different values that beats all places beats those between different values.
            cut = start + counts[index]
            if tied[each] or (gains[index] >= 0 and values[each, points[cut]] <= values[each, points[cut - 1]] + TIE):
                gains[index], counts[index] = _best_place_with_ties(points, start, stop, gradient, total, values[each])
            if gains[index] > best:
                best, feature, num_left = gains[index], np.int64(each), counts[index]
    return best, feature, num_left
