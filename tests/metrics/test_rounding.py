"""Sums and gradients that are rounded as others round them."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from disbench.metrics._rounding import binomial_gradients, multinomial_gradients, pairwise_sum


def test_sums_are_numpy_s_to_the_last_bit(rng):
    values = rng.normal(size=3000) * 10.0 ** rng.integers(-3, 4, size=3000)
    for num in (*range(1, 300), 1000, 1024, 2991):
        for start in (0, 9):
            assert pairwise_sum(values, start, num) == values[start : start + num].sum()


def test_gradients_are_the_label_minus_its_probability(rng):
    raw, labels = 5 * rng.normal(size=(4, 300)), rng.integers(4, size=300)
    found = np.full_like(raw, np.nan)
    multinomial_gradients(raw, labels, 10, 290, found)
    expected = (labels == np.arange(4)[:, None]) - softmax(raw, axis=0)
    np.testing.assert_allclose(found[:, 10:290], expected[:, 10:290], atol=1e-15)
    assert np.isnan(found[:, :10]).all()
    assert np.isnan(found[:, 290:]).all()


def test_gradients_of_two_classes_are_finite_for_any_score():
    raw = np.array([-800.0, -40.0, -3.0, -1e-9, 0.0, 2.0, 40.0, 800.0])
    for label in (0, 1):
        found = np.empty_like(raw)
        binomial_gradients(raw, np.full(len(raw), label), 0, len(raw), found)
        assert found == pytest.approx(label - expit(raw), abs=1e-15)
