import numpy as np
import pytest
from scipy.linalg import sqrtm

from disbench.metrics.unsupervised import (
    gaussian_total_correlation,
    gaussian_wasserstein_correlation,
    unsupervised,
)
from disbench.table import LabelledCodes


def score(codes, rng):
    return unsupervised(LabelledCodes(codes, codes, codes, codes), rng)


def test_scores_are_the_reference_s(golden, rng):
    for key, value in unsupervised(golden.table, rng).items():
        expected = golden.scalars["unsupervised_metrics"][key]
        if expected == "nan":  # A constant latent, of which the total correlation is that of the others.
            codes = golden.data.train_codes
            expected = score(codes[:, np.ptp(codes, axis=0) > 0], rng)[key]
        assert value == pytest.approx(expected, abs=1e-9)


def test_formulas(rng):
    root = rng.normal(size=(4, 6))
    covariance = root @ root.T
    diagonal = np.diag(np.diag(covariance))
    correlation = 0.5 * (np.log(np.diag(covariance)).sum() - np.linalg.slogdet(covariance)[1])
    assert gaussian_total_correlation(covariance) == pytest.approx(correlation)
    distance = 2 * np.trace(covariance) - 2 * np.trace(sqrtm(covariance @ diagonal)).real
    assert gaussian_wasserstein_correlation(covariance) == pytest.approx(distance)


def test_two_correlated_latents_by_hand():
    covariance = np.array([[1.0, 0.6], [0.6, 1.0]])
    assert gaussian_total_correlation(covariance) == pytest.approx(-0.5 * np.log(1 - 0.36))
    expected = 4 - 2 * (np.sqrt(1.6) + np.sqrt(0.4))
    assert gaussian_wasserstein_correlation(covariance) == pytest.approx(expected)


def test_small_units_change_neither_correlation_nor_information(rng):
    codes = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 3))
    large, small = score(codes, rng), score(codes / 1024, rng)
    for key in ("gaussian_total_correlation", "gaussian_wasserstein_correlation_norm", "mutual_info_score"):
        assert small[key] == pytest.approx(large[key], rel=1e-9)
    distance = "gaussian_wasserstein_correlation"
    assert small[distance] == pytest.approx(large[distance] / 1024**2)


def test_latents_that_do_not_vary_are_independent_of_all_others(rng):
    """Rounding gives equal numbers a variance, and takes that of tiny differences away."""
    codes = np.repeat(rng.normal(size=(7, 2)), 7, axis=0)
    expected, dead = score(codes, rng), np.full((49, 1), 1.1)
    assert np.cov(dead, rowvar=False) > 0
    tiny = np.where(codes[:, :1] > 0, 1e-200, 0.0)
    for column in (dead, tiny):
        several = score(np.concatenate([codes, column], axis=1), rng)
        for key in ("gaussian_total_correlation", "gaussian_wasserstein_correlation"):
            assert several[key] == pytest.approx(expected[key], abs=1e-12)
        one = score(np.concatenate([codes[:, :1], column], axis=1), rng)
        for key in ("gaussian_total_correlation", "gaussian_wasserstein_correlation"):
            assert one[key] == pytest.approx(0, abs=1e-12)


def test_extremes_are_finite(rng):
    codes = rng.normal(size=(500, 2))
    assert set(score(np.ones((10, 3)), rng).values()) == {0.0}
    assert set(score(np.ones((1, 3)), rng).values()) == {0.0}
    assert 10 < score(np.tile(codes, 2), rng)["gaussian_total_correlation"] < 50
    with pytest.raises(ValueError, match="needs at least 2; got 1"):
        score(codes[:, :1], rng)
