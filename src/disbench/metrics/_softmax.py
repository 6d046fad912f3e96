"""Softmax loss and gradients in one pass over the points. Imported by the fits that need it."""

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.metrics._compile import compiled

Floats = NDArray[np.float64]

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


@compiled(fastmath={"contract", "reassoc", "nsz", "arcp"})
def softmax_loss(inputs: Floats, targets: IntArray, weights: Floats, gradient: Floats) -> float:
    """Return the sum of the softmax loss over points, and add its gradient to `gradient`.

    Shapes: inputs (n, p), targets (n,), weights and gradient (p, k). The exponentials are computed here because the
    loops are then vectorised, which calls to the C library are not; they are right to one unit in the last place.
    """
    num_inputs, num_classes = weights.shape
    scores = np.empty(num_classes)
    powers = np.empty(num_classes)
    bits = powers.view(np.int64)
    loss = 0.0
    for point in range(len(inputs)):
        scores[:] = 0.0
        for index in range(num_inputs):
            for label in range(num_classes):
                scores[label] += inputs[point, index] * weights[index, label]
        top = scores[0]
        for label in range(1, num_classes):
            top = max(top, scores[label])
        loss += top - scores[targets[point]]
        for label in range(num_classes):
            scores[label], powers[label] = _exp_parts(scores[label] - top)
        for label in range(num_classes):
            bits[label] = (bits[label] << 52) + (1023 << 52)
        total = 0.0
        for label in range(num_classes):
            scores[label] *= powers[label]
            total += scores[label]
        loss += np.log(total)
        for label in range(num_classes):
            scores[label] /= total
        scores[targets[point]] -= 1.0
        for index in range(num_inputs):
            for label in range(num_classes):
                gradient[index, label] += inputs[point, index] * scores[label]
    return loss


@compiled(fastmath={"contract", "nsz", "arcp"})
def softmax_gradients(scores: Floats, labels: IntArray, start: int, stop: int, gradients: Floats) -> None:
    """Write target minus probability (k, n) of scores (k, n), for the points from `start` to `stop`, at most 1024.

    `labels` (n,) are their classes.
    """
    powers, top, total = np.empty(1024), np.empty(1024), np.empty(1024)
    bits = powers.view(np.int64)
    num = stop - start
    for point in range(num):
        top[point], total[point] = scores[0, start + point], 0.0
    for label in range(1, len(scores)):
        for point in range(num):
            top[point] = max(top[point], scores[label, start + point])
    for label in range(len(scores)):
        for point in range(num):
            gradients[label, start + point], powers[point] = _exp_parts(scores[label, start + point] - top[point])
            bits[point] = (bits[point] << 52) + (1023 << 52)
        for point in range(num):
            gradients[label, start + point] *= powers[point]
            total[point] += gradients[label, start + point]
    for label in range(len(scores)):
        for point in range(num):
            gradients[label, start + point] /= -total[point]
    for point in range(num):
        gradients[labels[start + point], start + point] += 1.0
