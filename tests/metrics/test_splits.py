"""The best split of a node, against a loop in plain Python."""

import numpy as np
import pytest

from disbench.metrics._splits import best_split


def expected_split(order, values, gradient, total):
    """Gain, feature and number of points left, with the sums that scikit-learn takes, in its order."""
    best = -1.0, -1, order.shape[1]
    num = order.shape[1]
    for feature, points in enumerate(order):
        left, done = 0.0, 0
        for count in range(1, num):
            if values[feature, points[count]] <= values[feature, points[count - 1]] + np.float32(1e-7):
                continue
            if count - done <= num - count:
                for point in points[done:count]:
                    left += gradient[point]
            else:
                left = total
                for point in points[: count - 1 : -1]:
                    left -= gradient[point]
            done = count
            excess = (num - count) * left - count * (total - left)
            gain = excess * excess / (count * (num - count))  # The C library rounds excess ** 2 otherwise.
            if gain > best[0]:
                best = gain, feature, count
    return best


def longest_runs(order, values):
    runs = []
    for column in np.take_along_axis(values, order, axis=1):
        apart = np.flatnonzero(column[1:] > column[:-1] + np.float32(1e-7)) + 1
        runs.append(np.diff([0, *apart, len(column)]).max())
    return np.array(runs)


@pytest.mark.parametrize("num", [2, 3, 8, 40, 300])
@pytest.mark.parametrize("digits", [0, 1, 2, 7], ids=lambda digits: f"{digits} digits")
@pytest.mark.parametrize("num_features", [1, 2, 3])
def test_the_split_and_its_gain_are_exact(num, digits, num_features):
    """Few digits make long runs of equal values, up to half of the points, at the end of a list, too."""
    rng = np.random.default_rng(num)
    weight = np.array([0.0, *(1 / count * (1 / (num - count)) for count in range(1, num))])
    for repetition in range(20):
        values = np.round(rng.normal(size=(num_features, num)), digits).astype(np.float32)
        order = np.argsort(values, axis=1, kind="stable").astype(np.uint32)
        # Whole numbers make splits that gain the same, of which the first is taken.
        gradient = rng.normal(size=num) if repetition % 2 else rng.choice([-1.0, 1.0], size=num)
        total = float(np.cumsum(gradient)[-1])
        found = best_split(
            order, 0, num, gradient, total, weight, values, longest_runs(order, values), np.arange(num_features)
        )
        assert found == expected_split(order, values, gradient, total)
