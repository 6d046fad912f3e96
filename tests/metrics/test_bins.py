"""Bounds of the gains of splits, and that trees do not depend on what they rule out."""

import numpy as np
import pytest

from disbench.metrics._bins import bound_bins, fill_bins, fill_bins_of_all, find_rivals, subtract_bins
from disbench.metrics._trees import _sort, fit_trees

NUM, NUM_FEATURES = 500, 3


@pytest.fixture
def node(rng):
    """Points, a third of which went left at the root, and their gradients."""
    data = _sort(np.round(rng.normal(size=(NUM, NUM_FEATURES)), 2))
    return data, (rng.uniform(size=NUM) < 0.7).astype(np.uint8), rng.normal(size=NUM) ** 3


def gains_of(data, members, gradient, feature):
    """Gain of a split before each member but the first, in sorted order; NaN between equal values."""
    points = np.array([point for point in data.order[feature] if members[point]])
    values, count = data.values[feature, points], np.arange(1, len(points))
    left = gradient[points].cumsum()
    gains = (left[:-1] - count * left[-1] / len(points)) ** 2 / (count * (len(points) - count))
    return points, np.where(values[1:] > values[:-1] + np.float32(1e-7), gains, np.nan)


def sums_of(data, points, gradient):
    sums = np.zeros((NUM_FEATURES, len(data.edges) - 1, 3))
    fill_bins(points.astype(np.uint32), data.bins, gradient, sums)
    return sums


def test_sums_of_all_points_and_of_a_child_by_difference(node):
    data, path, gradient = node
    expected = sums_of(data, np.arange(NUM), gradient)
    sums, other = np.zeros_like(expected), np.zeros_like(expected)
    fill_bins_of_all(data.order, data.edges, gradient, sums)
    np.testing.assert_allclose(sums, expected, atol=1e-12)
    subtract_bins(sums, sums_of(data, np.flatnonzero(path == 0), gradient), other)
    np.testing.assert_allclose(other, sums_of(data, np.flatnonzero(path), gradient), atol=1e-12)


@pytest.mark.parametrize("code", [0, 1])
def test_bounds_hold_and_what_they_leave_holds_the_best_split(node, code):
    data, path, gradient = node
    inside = path == code
    sums = sums_of(data, np.flatnonzero(inside), gradient)
    num, shape = int(inside.sum()), sums.shape[:2]
    bounds, befores, best = np.empty(shape), np.empty((*shape, 2)), np.empty((NUM_FEATURES, 5))
    total, size = bound_bins(sums, num, data.inverse, bounds, befores)
    np.testing.assert_allclose([total, size], [gradient[inside].sum(), np.abs(gradient[inside]).sum()])
    visits = np.arange(NUM_FEATURES)
    floor = find_rivals(
        data.order, data.edges, data.values, path, np.uint8(1), np.uint8(code), gradient, total / num, num,
        data.inverse, 1e-12, visits, bounds, befores, best,
    )  # fmt: skip
    all_gains = []
    for feature in visits:
        points, gains = gains_of(data, inside, gradient, feature)
        assert (gains <= bounds[feature, data.bins[points[1:], feature]] * (1 + 1e-12))[~np.isnan(gains)].all()
        all_gains.append(gains)
    winner, place = np.unravel_index(np.nanargmax(all_gains), (NUM_FEATURES, num - 1))
    gain, second, count, low, high = best[winner]
    assert gain == pytest.approx(np.nanmax(all_gains), rel=1e-10)
    assert second < floor <= gain
    assert count == place + 1
    points = gains_of(data, inside, gradient, winner)[0]
    np.testing.assert_array_equal(data.order[winner, [int(low), int(high)]], points[[place, place + 1]])


@pytest.mark.parametrize("digits", [1, 2, 5])
@pytest.mark.parametrize("num", [30, 400, 2000])
def test_the_number_of_bins_changes_nothing(num, digits, rng, monkeypatch):
    codes, factors = np.round(rng.normal(size=(num, 4)), digits), rng.integers((2, 9), size=(num, 2))
    codes[:, 2] = -codes[:, 1]  # Splits that gain the same.
    codes[:, :2] += factors
    models = {}
    for num_bins in (1, 7, 128):
        monkeypatch.setattr("disbench.metrics._trees._NUM_BINS", num_bins)
        models[num_bins] = fit_trees(codes, factors, "disbench")
    for several in zip(*models.values(), strict=True):
        for other in several[1:]:
            np.testing.assert_array_equal(several[0]._features, other._features)
            np.testing.assert_array_equal(several[0]._thresholds, other._thresholds)
            np.testing.assert_array_equal(several[0]._leaves, other._leaves)
