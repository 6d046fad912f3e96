import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from disbench.metrics._trees import fit_trees


def sample(rng, num, sizes, num_latents=5, noise=0.3):
    """Codes that mix the factors, so that every split is unique, and factors."""
    factors = np.stack([rng.integers(size, size=num) for size in sizes], axis=1)
    mixing = np.random.default_rng(1).normal(size=(len(sizes), num_latents))
    return factors / np.array(sizes) @ mixing + noise * rng.normal(size=(num, num_latents)), factors


@pytest.mark.parametrize("num", [200, 1000])
@pytest.mark.parametrize("digits", [None, 1])
def test_trees_are_those_of_scikit_learn(num, digits, rng):
    codes, factors = sample(rng, num, (2, 3, 5))
    test_codes, _ = sample(rng, 300, (2, 3, 5))
    if digits is not None:  # Codes with few values, of which many points share one.
        codes, test_codes = np.round(codes, digits), np.round(test_codes, digits)
    for ours, labels in zip(fit_trees(codes, factors, rng, "disbench"), factors.T, strict=True):
        expected = GradientBoostingClassifier(random_state=0).fit(codes, labels)
        other = GradientBoostingClassifier(random_state=1).fit(codes, labels)
        spread = np.abs(expected.feature_importances_ - other.feature_importances_).max()
        np.testing.assert_allclose(ours.importances, expected.feature_importances_, atol=0.01 + 2 * spread)
        assert (ours.predict(codes) == expected.predict(codes)).mean() > 0.99
        disagreement = (expected.predict(test_codes) != other.predict(test_codes)).mean()
        assert (ours.predict(test_codes) != expected.predict(test_codes)).mean() <= 0.02 + 2 * disagreement


def test_first_trees_are_equal_split_by_split(rng):
    codes, factors = sample(rng, 400, (4,))
    expected = GradientBoostingClassifier(random_state=0).fit(codes, factors[:, 0])
    (ours,) = fit_trees(codes, factors, rng, "disbench")
    for label in range(4):
        tree = expected.estimators_[0, label].tree_
        assert ours._features[0, label, 0] == tree.feature[0]
        assert ours._thresholds[0, label, 0] == tree.threshold[0]
        # Where a node is pure ours stops, and where rounding hides that, scikit-learn's leaves repeat their values.
        values = np.unique(tree.value[tree.feature < 0].round(9))
        np.testing.assert_allclose(np.setdiff1d(ours._leaves[0, label].round(9), [0.0]), values)


def test_equal_latents_share_their_importance(rng):
    codes, factors = sample(rng, 300, (3,), num_latents=2)
    twice = np.concatenate([codes, codes], axis=1)
    importances = np.mean(
        [fit_trees(twice, factors, np.random.default_rng(seed), "disbench")[0].importances for seed in range(20)],
        axis=0,
    )
    np.testing.assert_allclose(importances[:2], importances[2:], atol=0.03)


def test_a_seed_decides_and_threads_do_not(rng, monkeypatch):
    codes, factors = sample(rng, 2000, (2, 6))
    codes = np.concatenate([codes, codes], axis=1)
    several = fit_trees(codes, factors, np.random.default_rng(1), "disbench")
    other_seed = fit_trees(codes, factors, np.random.default_rng(2), "disbench")
    monkeypatch.setattr("disbench.metrics._threads.num_threads", lambda: 1)
    monkeypatch.setattr("disbench.metrics._trees.num_threads", lambda: 1)
    one = fit_trees(codes, factors, np.random.default_rng(1), "disbench")
    for first, second, third in zip(several, one, other_seed, strict=True):
        np.testing.assert_array_equal(first.importances, second.importances)
        assert (first.importances != third.importances).any()


@pytest.mark.parametrize("trees", ["disbench", "scikit-learn"])
def test_degenerate_samples(rng, trees):
    factors = np.stack([np.zeros(10, int), rng.integers(3, size=10)], axis=1)
    constant, varying = fit_trees(np.ones((10, 3)), factors, rng, trees)
    assert (constant.predict(np.ones((4, 3))) == 0).all()
    assert not constant.importances.any()
    assert not varying.importances.any()
    assert (varying.predict(np.ones((4, 3))) == np.bincount(factors[:, 1]).argmax()).all()


def test_codes_beyond_single_precision_are_an_error(rng):
    codes = rng.normal(size=(10, 2))
    codes[0, 0] = 1e60
    with pytest.raises(ValueError, match="within 3e38 of zero; got 1e"):
        fit_trees(codes, rng.integers(2, size=(10, 1)), rng, "disbench")
