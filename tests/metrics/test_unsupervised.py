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


def test_extremes_are_finite(rng):
    codes = rng.normal(size=(500, 2))
    assert set(score(np.ones((10, 3)), rng).values()) == {0.0}
    assert 10 < score(np.tile(codes, 2), rng)["gaussian_total_correlation"] < 50
    with pytest.raises(ValueError, match="needs at least 2; got 1"):
        score(codes[:, :1], rng)
