"""Kernels that round the sums of a node as scikit-learn does, where that decides. Imported where trees are fitted."""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from disbench.metrics._compile import compiled

_FAST = {"nsz"}


@compiled(fastmath=_FAST)
def list_members(points, path, mask, code, members):
    """Copy the points of a node, those with `code` in the bits `mask` of their path, and return their number."""
    num = np.uint64(0)
    for point in points:
        members[num] = point
        num += np.uint64(path[point] & mask == code)
    return np.int64(num)


@compiled(fastmath=_FAST)
def sort_few(members, values, target):
    """Copy a few points, sorted by value and, among equal values, by number."""
    for index in range(len(members)):
        point, place = members[index], index
        while place > 0 and (
            values[target[place - 1]] > values[point]
            or (values[target[place - 1]] == values[point] and target[place - 1] > point)
        ):
            target[place] = target[place - 1]
            place -= 1
        target[place] = point


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
def _part(samples, num, path, bit):
    """Exchange samples so that those that go left come first, and return their number."""
    place, end = 0, num
    while place < end:
        if path[samples[place]] & bit:
            end -= 1
            samples[place], samples[end] = samples[end], samples[place]
        else:
            place += 1
    return place


@compiled(fastmath=_FAST)
def replay(order, last_visits, path, level, code, gradient, samples):
    """Return sum of gradients and impurity of a node as scikit-learn rounds them.

    Both depend on the order in which it has the points of the node, which splits leave behind: it sorts the points of
    a node by one feature after the other, of which the last is `last_visits[level]`, and parts them. `samples` (n + 1,)
    is room to work.
    """
    num_points = order.shape[1]
    for point in range(num_points):
        samples[point] = point
    total, squares = _sums(samples, 0, num_points, gradient)
    impurity = squares / num_points - (total / num_points) ** 2
    for above in range(level):
        bit = np.uint8(1 << above)
        mask = np.uint8(bit - 1)
        num = list_members(order[last_visits[above]], path, mask, code & mask, samples)
        cut = _part(samples, num, path, bit)
        rest = num - cut
        left_sum, left_squares = _sums(samples, 0, cut, gradient)
        if cut > rest:
            left_sum = total
            for index in range(num - 1, cut - 1, -1):
                left_sum -= gradient[samples[index]]
        if code & bit:
            impurity = (squares - left_squares) / rest - ((total - left_sum) / rest) ** 2
            total, squares = _sums(samples, cut, num, gradient)
        else:
            impurity = left_squares / cut - (left_sum / cut) ** 2
            total, squares = _sums(samples, 0, cut, gradient)
    return total, impurity
