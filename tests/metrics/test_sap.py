import numpy as np
import pytest
from sklearn.svm import LinearSVC

from disbench.metrics.sap import sap, squared_correlations, svm_accuracies
from disbench.table import LabelledCodes


def test_matrices_and_scores_are_the_reference_s(golden, rng):
    accuracies = svm_accuracies(*golden.data)
    np.testing.assert_allclose(accuracies, golden["sap_matrix_discrete"], atol=1e-9, rtol=0)
    correlations = squared_correlations(*golden.data[:2])
    np.testing.assert_allclose(correlations, golden["sap_matrix_continuous"], atol=1e-9, rtol=0)
    for key, continuous in (("sap_discrete", False), ("sap_continuous", True)):
        ours = sap(golden.table, rng, continuous_factors=continuous)
        assert ours["SAP_score"] == pytest.approx(golden.scalars[key]["SAP_score"], abs=1e-9)


@pytest.mark.parametrize("sizes", [(2, 3), (5, 30)])
@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_accuracies_are_those_of_scikit_learn(sizes, scale, rng):
    train, test = (np.stack([rng.integers(size, size=num) for size in sizes], axis=1) for num in (600, 400))
    mixing = rng.normal(size=(2, 4))
    train_codes, test_codes = (scale * (y @ mixing + rng.normal(size=(len(y), 4))) for y in (train, test))
    expected = [
        [
            LinearSVC(C=0.01, class_weight="balanced", dual=False)
            .fit(train_codes[:, [latent]], train[:, factor])
            .score(test_codes[:, [latent]], test[:, factor])
            for factor in range(2)
        ]
        for latent in range(4)
    ]
    np.testing.assert_allclose(svm_accuracies(train_codes, train, test_codes, test), expected, atol=1e-12)


def test_squared_correlation_equals_numpy_s_and_guards_constants(rng):
    codes, factors = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    codes[:, 2] = 7.0
    expected = np.corrcoef(codes[:, :2], factors, rowvar=False)[:2, 2:] ** 2
    result = squared_correlations(codes, factors)
    np.testing.assert_allclose(result[:2], expected)
    np.testing.assert_array_equal(result[2], 0.0)


def test_continuous_factors_are_scored_by_correlation_only(rng):
    factors = rng.normal(size=(100, 3))
    table = LabelledCodes(factors, factors, factors, factors)
    assert sap(table, rng, continuous_factors=True)["SAP_score"] > 0.9
    with pytest.raises(ValueError, match="discrete factors"):
        sap(table, rng)


def test_standardizing_makes_the_score_independent_of_scale(rng):
    factors = rng.integers(4, size=(300, 2))
    codes = factors + 0.3 * rng.normal(size=(300, 2))
    scores = [
        sap(LabelledCodes(scale * codes, factors, scale * codes, factors), rng, standardize=standardize)["SAP_score"]
        for standardize in (True, False)
        for scale in (1.0, 1e-3)
    ]
    assert scores[0] == scores[1]
    assert scores[2] != scores[3]


def test_numbers_near_the_limits_of_double_precision(rng):
    codes, factors = rng.normal(size=(50, 2)), rng.normal(size=(50, 1))
    expected = squared_correlations(codes, factors)
    for scale in (1e-300, 1e300):
        np.testing.assert_allclose(squared_correlations(codes, scale * factors), expected)
    classes = rng.integers(2, size=(50, 1))
    with pytest.raises(ValueError, match=r"within 1e\+50 of zero"):
        svm_accuracies(1e99 * codes, classes, 1e99 * codes, classes)


def test_factors_that_differ_within_their_precision_only_are_not_predicted(rng):
    factors = 2**60 + np.arange(50)[:, None] % 2
    np.testing.assert_array_equal(squared_correlations(rng.normal(size=(50, 2)), factors), np.zeros((2, 1)))


def test_what_it_cannot_score_is_an_error(rng):
    codes, factors = rng.normal(size=(30, 3)), rng.integers(3, size=(30, 2))
    with pytest.raises(ValueError, match="needs at least 2; got 1"):
        sap(LabelledCodes(codes[:, :1], factors, codes[:, :1], factors), rng)
    with pytest.raises(ValueError, match="at least 1 factor with two or more values"):
        sap(LabelledCodes(codes, 0 * factors, codes, factors), rng)
    one = LabelledCodes(codes, factors * [1, 0], codes, factors)
    assert 0 <= sap(one, rng)["SAP_score"] <= 1
