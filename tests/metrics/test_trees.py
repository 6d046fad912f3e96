import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier

from disbench.metrics._trees import _longest_run, fit_trees


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
    for ours, labels in zip(fit_trees(codes, factors, "disbench"), factors.T, strict=True):
        expected = GradientBoostingClassifier(random_state=0).fit(codes, labels)
        other = GradientBoostingClassifier(random_state=1).fit(codes, labels)
        spread = np.abs(expected.feature_importances_ - other.feature_importances_).max()
        np.testing.assert_allclose(ours.importances, expected.feature_importances_, atol=0.01 + 2 * spread)
        disagreement = (expected.predict(codes) != other.predict(codes)).mean()
        assert (ours.predict(codes) != expected.predict(codes)).mean() <= 0.01 + disagreement
        disagreement = (expected.predict(test_codes) != other.predict(test_codes)).mean()
        assert (ours.predict(test_codes) != expected.predict(test_codes)).mean() <= 0.02 + 2 * disagreement


@pytest.mark.parametrize("num", [12, 60, 300])
@pytest.mark.parametrize("latents", ["plain", "repeated", "constant"])
def test_trees_are_equal_split_by_split_even_where_splits_tie(num, latents, golden_folder):
    with np.load(golden_folder / "trees/scikit_learn_1.7.2.npz") as golden:
        case = {
            key.removeprefix(f"{num}/{latents}/"): golden[key] for key in golden if key.startswith(f"{num}/{latents}")
        }
    factors = case["factors"].astype(np.int64)
    for index, ours in enumerate(fit_trees(case["codes"], factors, "disbench", 3)):
        ends = np.cumsum(case[f"{index}/num_nodes"], dtype=np.int64)[:-1]
        expected = [
            list(zip(*tree, strict=True))
            for tree in zip(
                *(np.split(case[f"{index}/{key}"], ends) for key in ("features", "thresholds")), strict=True
            )
        ]
        depth_first = [0, 1, 3, 4, 2, 5, 6]
        splits = (array[..., depth_first].reshape(-1, 7) for array in (ours._features, ours._thresholds))
        found = [
            [node for node in zip(*tree, strict=True) if np.isfinite(node[1])] for tree in zip(*splits, strict=True)
        ]
        equal = [first == second for first, second in zip(found, expected, strict=True)]
        # Where a split on one side mirrors one on the other, the last bit of an exponential decides, which is the
        # C library's.
        assert np.mean(equal) >= 0.99
        np.testing.assert_allclose(ours.importances, case[f"{index}/importances"], atol=1e-3)


def test_equal_latents_share_their_importance(rng):
    codes, factors = sample(rng, 300, (3,), num_latents=2)
    twice = np.concatenate([codes, codes], axis=1)
    importances = np.mean(
        [fit_trees(twice, factors, "disbench", seed)[0].importances for seed in range(20)],
        axis=0,
    )
    np.testing.assert_allclose(importances[:2], importances[2:], atol=0.03)


def test_a_seed_decides_and_threads_do_not(rng, monkeypatch):
    codes, factors = sample(rng, 2000, (2, 6))
    codes = np.concatenate([codes, codes], axis=1)
    several = fit_trees(codes, factors, "disbench", 1)
    other_seed = fit_trees(codes, factors, "disbench", 2)
    monkeypatch.setattr("disbench.metrics._threads.num_threads", lambda: 1)
    monkeypatch.setattr("disbench.metrics._trees.num_threads", lambda: 1)
    one = fit_trees(codes, factors, "disbench", 1)
    for first, second, third in zip(several, one, other_seed, strict=True):
        np.testing.assert_array_equal(first.importances, second.importances)
        assert (first.importances != third.importances).any()


@pytest.mark.parametrize("trees", ["disbench", "scikit-learn"])
def test_degenerate_samples(rng, trees):
    factors = np.stack([np.zeros(10, int), rng.integers(3, size=10)], axis=1)
    constant, varying = fit_trees(np.ones((10, 3)), factors, trees)
    assert (constant.predict(np.ones((4, 3))) == 0).all()
    assert not constant.importances.any()
    assert not varying.importances.any()
    assert (varying.predict(np.ones((4, 3))) == np.bincount(factors[:, 1]).argmax()).all()


def test_codes_beyond_single_precision_are_an_error(rng):
    codes = rng.normal(size=(10, 2))
    codes[0, 0] = 1e60
    with pytest.raises(ValueError, match="within 3e38 of zero; got 1e"):
        fit_trees(codes, rng.integers(2, size=(10, 1)), "disbench")


@pytest.mark.parametrize(
    ("values", "expected"), [([5], 1), ([1, 2, 3], 1), ([1, 1, 1, 2, 3, 3], 3), ([0, 1, 1], 2), ([0, 5e-8, 1e-7, 1], 3)]
)
def test_runs_of_values_that_are_not_split_by_hand(values, expected):
    """Neighbours up to 1e-7 apart, as scikit-learn sees them."""
    assert _longest_run(np.array(values, dtype=np.float32)) == expected
