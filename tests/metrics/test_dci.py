import numpy as np
import pytest

from disbench.metrics.dci import completeness, concentration, dci, disentanglement, importance_matrix
from disbench.table import LabelledCodes


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.eye(4), (1.0, 1.0)),
        (np.diag([5.0, 1.0, 2.0, 1.0]), (1.0, 1.0)),
        (np.concatenate([np.eye(4), np.zeros((3, 4))]), (1.0, 1.0)),
        (np.ones((3, 4)), (0.0, 0.0)),
        (np.zeros((3, 4)), (0.0, 0.0)),
    ],
)
def test_extremes(matrix, expected):
    assert (disentanglement(matrix), completeness(matrix)) == pytest.approx(expected, abs=1e-9)


def test_rounding_does_not_lead_out_of_the_range():
    for num in range(2, 100):
        values = concentration(np.concatenate([np.ones((1, num)), np.eye(num)]))
        assert values.min() >= 0
        assert values.max() <= 1


def test_two_codes_for_each_factor_and_two_factors_for_each_code():
    redundant = np.concatenate([np.eye(10), np.eye(10)])
    assert disentanglement(redundant) == pytest.approx(1.0)
    assert completeness(redundant) == pytest.approx(1 - np.log(2) / np.log(20))
    assert disentanglement(redundant.T) == pytest.approx(1 - np.log(2) / np.log(20))


def test_aggregates_are_the_reference_s(golden):
    importance, scores = golden["dci_importance"], golden.scalars["dci"]
    assert disentanglement(importance) == pytest.approx(scores["disentanglement"], abs=1e-9)
    assert completeness(importance) == pytest.approx(scores["completeness"], abs=1e-9)


def test_importances_are_the_reference_s(golden):
    importance, _, test_accuracy = importance_matrix(golden.data, "disbench")
    scores = golden.scalars["dci"]
    np.testing.assert_allclose(importance, golden["dci_importance"], atol=5e-3)
    assert disentanglement(importance) == pytest.approx(scores["disentanglement"], abs=2e-3)
    assert completeness(importance) == pytest.approx(scores["completeness"], abs=2e-3)
    assert test_accuracy.mean() == pytest.approx(scores["informativeness_test"], abs=5e-3)


@pytest.mark.slow
def test_scikit_learn_s_trees_give_the_reference_s_importances(codes_of):
    golden = codes_of("norb_perfect_noisy_f64")
    importance, *_ = importance_matrix(golden.data, "scikit-learn")
    np.testing.assert_allclose(importance, golden["dci_importance"], atol=5e-3)


TOLERANCES = {
    "disentanglement": 0.02,
    "completeness": 0.02,
    "informativeness_train": 0.03,
    "informativeness_test": 0.03,
}


def test_scores_of_a_table_are_near_the_reference_s(toy, toy_scores):
    expected = toy_scores["dci"]["nonlinear"]["0"]
    scores = dci(toy["nonlinear"], np.random.default_rng(0), num_train=2000, num_test=1000)
    for key, tolerance in TOLERANCES.items():
        assert scores[key] == pytest.approx(expected[key], abs=tolerance)


def test_what_it_cannot_score_is_an_error(rng):
    codes, factors = rng.normal(size=(30, 3)), rng.integers(3, size=(30, 2))
    with pytest.raises(ValueError, match="needs at least 2; got 1"):
        dci(LabelledCodes(codes[:, :1], factors, codes[:, :1], factors), rng)
    with pytest.raises(ValueError, match="at least 2 factors"):
        dci(LabelledCodes(codes, factors * [1, 0], codes, factors), rng)
