import numpy as np
import pytest

from disbench.metrics._trees import fit_trees
from disbench.metrics.dci import completeness, disentanglement, importance_matrix


def test_importances_are_the_reference_s_but_for_ties(golden, rng):
    importance, *_ = importance_matrix(golden.data, rng, "disbench")
    expected = golden["dci_importance"]
    assert disentanglement(importance) == pytest.approx(disentanglement(expected), abs=2e-3)
    assert completeness(importance) == pytest.approx(completeness(expected), abs=2e-3)
    # equal splits are decided by the seed, which moves importances of unclear codes by as much between two seeds
    np.testing.assert_allclose(importance, expected, atol=0.015)


@pytest.mark.parametrize("num_classes", [2, 5])
def test_predictions_are_scikit_learn_s(num_classes, rng):
    codes = rng.normal(size=(400, 4))
    scores = codes @ rng.normal(size=(4, num_classes)) + rng.normal(size=(400, num_classes))
    labels = scores.argmax(axis=1)[:, None]
    ours, theirs = (fit_trees(codes[:300], labels[:300], rng, trees)[0] for trees in ("disbench", "scikit-learn"))
    agreement = (ours.predict(codes) == theirs.predict(codes)).mean()
    assert agreement > 0.99
    np.testing.assert_allclose(ours.importances, theirs.importances, atol=5e-3)


def test_same_seed_same_trees_and_one_value_is_predicted():
    rng = np.random.default_rng(0)
    codes = np.round(rng.normal(size=(200, 3)), 1)
    factors = np.stack([rng.integers(4, size=200), np.full(200, 3)], axis=1)
    first, second = (fit_trees(codes, factors, np.random.default_rng(1), "disbench") for _ in range(2))
    assert np.array_equal(first[0].importances, second[0].importances)
    assert np.array_equal(first[0].predict(codes), second[0].predict(codes))
    assert (first[1].predict(codes) == 3).all()
    assert first[0].importances.sum() == pytest.approx(1)
