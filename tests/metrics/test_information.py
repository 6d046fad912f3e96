import numpy as np
import pytest
from sklearn.metrics import mutual_info_score

from disbench.metrics._information import discretize, entropy, mutual_information


def test_bins_are_those_of_the_reference(golden):
    codes = golden.data.train_codes
    np.testing.assert_array_equal(discretize(codes, 20), golden["discretized_mus_train"].T - 1)


def test_information_and_entropy_are_those_of_the_reference(golden):
    bins, factors = discretize(golden.data.train_codes, 20), golden.data.train_factors
    np.testing.assert_allclose(mutual_information(bins, factors), golden["mutual_info"], atol=1e-9, rtol=0)
    np.testing.assert_allclose(mutual_information(bins, bins), golden["mi_codes_codes"], atol=1e-9, rtol=0)
    np.testing.assert_allclose(entropy(factors), golden["entropy_ys"], atol=1e-9, rtol=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_bins_are_those_of_a_histogram(rng, dtype):
    values = (10 * rng.normal(size=(500, 3))).astype(dtype)
    edges = [np.histogram(column, 7)[1][:-1] for column in values.T]
    expected = np.stack([np.digitize(column, edge) - 1 for column, edge in zip(values.T, edges, strict=True)], axis=1)
    np.testing.assert_array_equal(discretize(values, 7), expected)


def test_edges_have_the_precision_of_the_values():
    """A value that is an edge belongs to the bin above, which edges of another precision would not always give."""
    values = np.linspace(0.1, 0.9, 8, dtype=np.float32)
    np.testing.assert_array_equal(discretize(values[:, None], 7)[:, 0], [0, 1, 2, 3, 4, 5, 6, 6])


def test_a_constant_column_falls_in_one_bin():
    assert len(np.unique(discretize(np.full((10, 1), 1e20), 20))) == 1
    assert len(np.unique(discretize(np.full((10, 1), 3.0), 20))) == 1


def test_information_equals_scikit_learn(rng):
    first, second = rng.integers(4, size=(300, 2)), rng.integers(7, size=(300, 3))
    expected = [[mutual_info_score(a, b) for b in second.T] for a in first.T]
    np.testing.assert_allclose(mutual_information(first, second), expected, atol=1e-12)


def test_entropy_and_information_by_hand():
    """Class numbers that nobody has, and classes that a single point has."""
    classes = np.array([[0], [0], [2], [5]])
    assert entropy(classes) == pytest.approx(1.5 * np.log(2))
    assert mutual_information(classes, np.array([[3], [3], [1], [1]])) == pytest.approx(np.log(2))


def test_independent_classes_have_no_information_whatever_the_rounding():
    for first in range(1, 12):
        for second in range(1, 12):
            rows, columns = np.divmod(np.arange(first * second), second)
            assert mutual_information(rows[:, None], columns[:, None]) == 0.0
