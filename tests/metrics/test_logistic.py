import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from disbench.metrics._logistic import fit_logistic, fit_scikit_learn
from disbench.metrics._logistic_cv import fit_logistic_cv
from disbench.metrics._threads import map_threads


@pytest.fixture(params=[2, 3, 40])
def points(request, rng):
    """Standardised codes and overlapping classes."""
    labels = rng.integers(request.param, size=800)
    return rng.normal(size=(800, 4)) + labels[:, None] * rng.normal(size=4) / request.param, labels


@pytest.mark.parametrize("c", [0.01, 1.0])
def test_multinomial_fit_is_scikit_learn_s(points, c):
    codes, labels = points
    expected = LogisticRegression(C=c).fit(codes, labels)
    for fitted in (fit_logistic(codes, labels, c=c), fit_scikit_learn(codes, labels, "multinomial", c=c)):
        np.testing.assert_array_equal(fitted.predict(codes), expected.predict(codes))
        np.testing.assert_allclose(fitted.probabilities(codes), expected.predict_proba(codes), atol=1e-6)


def test_one_versus_rest_fit_is_that_of_2019(points):
    codes, labels = points
    expected = OneVsRestClassifier(LogisticRegression(solver="liblinear")).fit(codes, labels)
    fitted = fit_logistic(codes, labels, "one-versus-rest")
    np.testing.assert_array_equal(fitted.predict(codes), expected.predict(codes))
    np.testing.assert_allclose(fitted.probabilities(codes), expected.predict_proba(codes), atol=1e-9)


def test_the_number_of_threads_changes_nothing(rng, monkeypatch):
    codes, labels = rng.normal(size=(4000, 5)), rng.integers(50, size=4000)
    several = fit_logistic(codes, labels)
    monkeypatch.setattr("disbench.metrics._threads.num_threads", lambda: 1)
    np.testing.assert_array_equal(several.slopes, fit_logistic(codes, labels).slopes)


@pytest.mark.parametrize("solver", ["multinomial", "one-versus-rest"])
def test_several_factors_are_fitted_as_each_alone(rng, monkeypatch, solver):
    codes, factors = rng.normal(size=(200, 3)), [rng.integers(size, size=200) for size in (2, 4, 7)]
    together = fit_logistic_cv(codes, factors, solver)
    monkeypatch.setattr("disbench.metrics._threads.num_threads", lambda: 1)
    for labels, ours in zip(factors, together, strict=True):
        alone = fit_logistic_cv(codes, [labels], solver)[0]
        assert ours.slopes.shape == (3, len(np.unique(labels)))
        np.testing.assert_array_equal(ours.slopes, alone.slopes)
        np.testing.assert_array_equal(ours.intercepts, alone.intercepts)


def test_threads_that_share_work_do_not_wait_for_each_other():
    rows = map_threads(lambda row: map_threads(lambda column: 10 * row + column, range(5)), range(20))
    assert rows == [[10 * row + column for column in range(5)] for row in range(20)]
