import numpy as np
import pytest

from disbench import evaluate
from disbench.metrics._information import discretize
from disbench.metrics.irs import irs, robustness
from disbench.table import LabelledCodes, RepresentationTable


@pytest.mark.parametrize("quantile", [0.99, 1.0])
def test_matrix_and_score_are_the_reference_s(golden, rng, quantile):
    codes, factors = golden.data.train_codes, golden.data.train_factors
    np.testing.assert_array_equal(discretize(factors, 20), golden["discretized_ys_train"].T - 1)
    matrix, deviations = robustness(codes[:, np.ptp(codes, axis=0) > 0], discretize(factors, 20), quantile)
    for ours, key in (
        (matrix, "IRS_matrix"),
        (deviations, "max_deviations"),
        (matrix.max(axis=1), "disentanglement_scores"),
    ):
        np.testing.assert_allclose(ours, golden[f"irs_q{quantile}_{key}"], atol=1e-9, rtol=0)
    expected = golden.scalars["irs" if quantile < 1 else "irs_q1.0"]
    score = irs(golden.table, rng, diff_quantile=quantile)
    assert score["IRS"] == pytest.approx(expected["IRS"], abs=1e-9)
    assert score["num_active_dims"] == expected["num_active_dims_true"]
    reported = irs(golden.table, rng, diff_quantile=quantile, compat="reference")
    assert reported["num_active_dims"] == pytest.approx(expected["num_active_dims_as_reported"], abs=1e-6)


def test_extremes(identity, rng):
    assert irs(identity, rng, num_train=2000)["IRS"] == 1.0
    constant = RepresentationTable(identity.space, np.full_like(identity.mean, 0.1))
    assert irs(constant, rng) == {"IRS": 0.0, "num_active_dims": 0.0}


def test_continuous_factors_are_binned(rng):
    factors = rng.uniform(size=(5000, 2))
    assert irs(LabelledCodes(factors, factors, factors, factors), rng)["IRS"] > 0.9


def test_factors_that_never_vary_are_an_error(rng):
    codes = rng.normal(size=(10, 2))
    with pytest.raises(ValueError, match="at least 1 factor with two or more values"):
        irs(LabelledCodes(codes, np.ones((10, 2)), codes, np.ones((10, 2))), rng)


def test_a_quantile_is_a_share_of_the_points(identity):
    assert evaluate("irs", identity, num_train=50, diff_quantile=1)["IRS"] == 1.0
    for quantile in (0, 1.01):
        with pytest.raises(ValueError, match="diff_quantile"):
            evaluate("irs", identity, diff_quantile=quantile)


def test_codes_whose_squares_overflow_are_an_error(rng):
    codes, factors = rng.normal(size=(10, 2)), rng.integers(2, size=(10, 2))
    with pytest.raises(ValueError, match=r"within 1e\+100 of zero"):
        irs(LabelledCodes(1e308 * np.sign(codes), factors, codes, factors), rng)
