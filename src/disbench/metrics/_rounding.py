"""Sums and gradients rounded as NumPy and scikit-learn 1.7 round them, on which ties between splits depend.

Imported where trees are fitted, because Numba is slow to load.
"""

# mypy: allow-untyped-defs, allow-untyped-calls

import math

import numpy as np

from disbench.metrics._compile import compiled

_BLOCK = 128


@compiled()
def _block_sum(values, start, num):
    """Return the sum of at most 128 values: eight running sums, and what is left one by one."""
    total, index = 0.0, 0
    if num >= 8:
        a, b, c, d = values[start], values[start + 1], values[start + 2], values[start + 3]
        e, f, g, h = values[start + 4], values[start + 5], values[start + 6], values[start + 7]
        for index in range(8, num - num % 8, 8):
            place = start + index
            a, b, c, d = a + values[place], b + values[place + 1], c + values[place + 2], d + values[place + 3]
            e, f, g, h = e + values[place + 4], f + values[place + 5], g + values[place + 6], h + values[place + 7]
        total, index = ((a + b) + (c + d)) + ((e + f) + (g + h)), num - num % 8
    for rest in range(index, num):
        total += values[start + rest]
    return total


@compiled()
def pairwise_sum(values, start, num):
    """Return the sum of `num` values from `start` on, by halves like `np.sum`."""
    if num <= 128:
        return _block_sum(values, start, num)
    half = num // 2
    half -= half % 8
    return pairwise_sum(values, start, half) + pairwise_sum(values, start + half, num - half)


@compiled()
def multinomial_gradients(raw, labels, start, stop, gradients):
    """Write target minus probability (k, n) of scores (k, n), for the points from `start` to `stop`.

    Class by class for a block of points at a time, which lie side by side in memory.
    """
    num_classes = len(raw)
    tops, totals = np.empty(_BLOCK), np.empty(_BLOCK)
    for begin in range(start, stop, _BLOCK):
        size = min(_BLOCK, stop - begin)
        tops[:size] = raw[0, begin : begin + size]
        for label in range(1, num_classes):
            for index in range(size):
                tops[index] = max(tops[index], raw[label, begin + index])
        totals[:] = 0.0
        for label in range(num_classes):
            for index in range(size):
                value = math.exp(raw[label, begin + index] - tops[index])
                gradients[label, begin + index] = value
                totals[index] += value
        for label in range(num_classes):
            for index in range(size):
                target = 1.0 if labels[begin + index] == label else 0.0
                gradients[label, begin + index] = target - gradients[label, begin + index] / totals[index]


@compiled()
def binomial_gradients(raw, labels, start, stop, gradients):
    """Write target minus probability (n,) of scores (n,) of the second of two classes, likewise."""
    for point in range(start, stop):
        score, target = raw[point], np.float64(labels[point])
        if score > -37:
            power = math.exp(-score)
            gradients[point] = -(((1 - target) - target * power) / (1 + power))
        else:
            gradients[point] = -(math.exp(score) - target)
