"""Softmax loss and its gradient in one pass over the points. Imported by the fits that need it."""

# mypy: allow-untyped-defs, allow-untyped-calls

import numpy as np

from disbench.metrics._compile import compiled

WIDTH = 256  # Points in a block, which fits in the cache.
_FAST = {"contract", "reassoc", "nsz", "arcp"}

# Rounding to a multiple of 1 by adding 1.5 * 2^52 leaves the integer in the low bits of the sum.
_ROUND = 1.5 * 2.0**52
_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.6931471803691238, 1.9082149292705877e-10


@compiled(fastmath={"contract"})
def _exp_parts(x: float) -> tuple[float, float]:
    """Split exp(x), x <= 0, into exp of the remainder of x by ln 2, a Taylor polynomial, and the power of two."""
    x = max(x, -700.0)
    shifted = x * _LOG2_E + _ROUND
    power = shifted - _ROUND
    remainder = (x - power * _LN2_HIGH) - power * _LN2_LOW
    value = 1 / 6227020800
    for factorial in (479001600, 39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1):
        value = value * remainder + 1 / factorial
    return value, shifted


@compiled(fastmath=_FAST)
def _exponentiate(scores, top, powers, total):
    """Replace scores by exp(scores - top), and add them to the total.

    The exponentials are computed here because such loops are vectorised, which calls to the C library are not; they are
    right to one unit in the last place.
    """
    bits = powers.view(np.int64)
    for point in range(len(scores)):
        scores[point], powers[point] = _exp_parts(scores[point] - top[point])
    for point in range(len(scores)):
        bits[point] = (bits[point] << 52) + (1023 << 52)
    for point in range(len(scores)):
        scores[point] *= powers[point]
        total[point] += scores[point]


@compiled(fastmath=_FAST)
def _raise_top(top, scores):
    for point in range(len(scores)):
        top[point] = scores[point] if scores[point] > top[point] else top[point]


@compiled(fastmath=_FAST)
def _scale(scores, factor):
    for point in range(len(scores)):
        scores[point] *= factor[point]


@compiled(fastmath=_FAST)
def _add_products(first, second, third, fourth, inputs, index, scores):
    """Add four inputs with their weights to scores; four at once share the loads and stores."""
    a, b, c, d = inputs[index], inputs[index + 1], inputs[index + 2], inputs[index + 3]
    for point in range(len(scores)):
        scores[point] += first * a[point] + second * b[point] + third * c[point] + fourth * d[point]


@compiled(fastmath=_FAST)
def _dot_products(inputs, index, residual):
    """Return the products of four inputs with a residual."""
    a, b, c, d = inputs[index], inputs[index + 1], inputs[index + 2], inputs[index + 3]
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for point in range(len(residual)):
        value = residual[point]
        first += value * a[point]
        second += value * b[point]
        third += value * c[point]
        fourth += value * d[point]
    return first, second, third, fourth


@compiled(fastmath=_FAST)
def softmax_loss(inputs, labels, counts, weights, gradient):
    """Return the sum of the softmax loss over points, and add its gradient to `gradient`.

    Shapes: inputs (blocks, p, WIDTH), p a multiple of four, of which `counts` (blocks,) points are real and the others
    0; labels (blocks, WIDTH); weights and gradient (p, k).
    """
    num_inputs, num_classes = weights.shape
    scores = np.empty((num_classes, WIDTH))
    top, total, powers = np.empty(WIDTH), np.empty(WIDTH), np.empty(WIDTH)
    loss = 0.0
    for block in range(len(inputs)):
        points = inputs[block]
        top[:], total[:] = -np.inf, 0.0
        for label in range(num_classes):
            row = scores[label]
            row[:] = 0.0
            for index in range(0, num_inputs, 4):
                _add_products(
                    weights[index, label], weights[index + 1, label], weights[index + 2, label],
                    weights[index + 3, label], points, index, row,
                )  # fmt: skip
            _raise_top(top, row)
        for point in range(counts[block]):
            loss += top[point] - scores[labels[block, point], point]
        for label in range(num_classes):
            _exponentiate(scores[label], top, powers, total)
        for point in range(WIDTH):
            loss += np.log(total[point]) if point < counts[block] else 0.0
            total[point] = 1.0 / total[point]
        for label in range(num_classes):
            _scale(scores[label], total)
        for point in range(WIDTH):
            scores[labels[block, point], point] -= 1.0
        for label in range(num_classes):
            for index in range(0, num_inputs, 4):
                first, second, third, fourth = _dot_products(points, index, scores[label])
                gradient[index, label] += first
                gradient[index + 1, label] += second
                gradient[index + 2, label] += third
                gradient[index + 3, label] += fourth
    return loss
