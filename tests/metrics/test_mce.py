import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from disbench.metrics._information import discretize, mutual_information
from disbench.metrics.mce import explicitness, mce, mean_roc_area, modularity
from disbench.table import LabelledCodes


def test_modularity_is_the_reference_s(golden, rng):
    data = golden.data
    information = mutual_information(discretize(data.train_codes, 20), data.train_factors)
    np.testing.assert_allclose(modularity(information), golden["modularity_per_code"], atol=1e-9, rtol=0)
    assert mce(golden.table, rng)["modularity_score"] == pytest.approx(golden.scalars["modularity"], abs=1e-9)


@pytest.mark.parametrize(("solver", "suffix"), [("multinomial", ""), ("one-versus-rest", "_legacy_liblinear_ovr")])
def test_explicitness_is_the_reference_s(golden, solver, suffix):
    areas = explicitness(golden.data, solver)
    if f"explicitness_per_factor{suffix}" in golden.arrays:
        np.testing.assert_allclose(areas, golden[f"explicitness_per_factor{suffix}"], atol=1e-6)
    else:  # The reference fails on a constant latent; ours must not depend on it.
        alive = np.ptp(golden.data.train_codes, axis=0) > 0
        train, test = golden.data.train_codes[:, alive], golden.data.test_codes[:, alive]
        np.testing.assert_allclose(
            areas, explicitness(golden.data._replace(train_codes=train, test_codes=test), solver)
        )


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.diag([2.0, 1.0, 3.0]), 1.0),
        (np.concatenate([np.eye(4), np.zeros((2, 4))]), 2 / 3),
        (np.concatenate([np.eye(5), np.eye(5)]), 1.0),
        (np.repeat(np.eye(5), 2, axis=1), 1 - 1 / 9),
        (np.ones((3, 4)), 0.0),
    ],
)
def test_modularity_by_hand(matrix, expected):
    assert modularity(matrix).mean() == pytest.approx(expected)


def test_compactness_exchanges_latents_and_factors(identity, rng):
    factors = identity.factors(identity.draw(3000, rng))
    table = LabelledCodes(np.concatenate([factors, factors], axis=1), factors, factors, factors)
    table = LabelledCodes(table.train_codes, factors, table.train_codes, factors)
    scores = mce(table, rng)
    assert scores["modularity_score"] > 0.99
    assert scores["compactness_score"] == pytest.approx(1 - 1 / 7, abs=0.01)
    assert scores["explicitness_score_train"] == scores["explicitness_score_test"]


def test_unused_latents_lower_modularity_unless_left_out(identity, rng):
    factors = identity.factors(identity.draw(3000, rng))
    codes = np.concatenate([factors, np.zeros_like(factors)], axis=1).astype(float)
    table = LabelledCodes(codes, factors, codes, factors)
    assert mce(table, rng)["modularity_score"] == pytest.approx(0.5, abs=0.01)
    assert mce(table, rng, active_only=True)["modularity_score"] > 0.99


def test_areas_equal_scikit_learn_s_with_ties_and_missing_classes(rng):
    labels = rng.integers(4, size=60)
    probabilities = np.round(rng.dirichlet(np.ones(4), size=60), 1)
    expected = np.mean([roc_auc_score(labels == label, probabilities[:, label]) for label in range(4)])
    assert mean_roc_area(probabilities, labels, np.arange(4)) == pytest.approx(expected)
    labels[labels == 2] = 1
    expected = np.mean([roc_auc_score(labels == label, probabilities[:, label]) for label in (0, 1, 3)])
    assert mean_roc_area(probabilities, labels, np.arange(4)) == pytest.approx(expected)
    assert mean_roc_area(probabilities, np.zeros(60), np.arange(4)) == 0.5


def test_values_missing_among_the_test_points_do_not_matter(rng):
    factors = np.stack([np.arange(120) % 60, rng.integers(3, size=120)], axis=1)
    codes = factors + rng.normal(size=(120, 2))
    scores = mce(LabelledCodes(codes, factors, codes[:10], factors[:10]), rng)
    assert 0.5 < scores["explicitness_score_test"] <= 1


def test_factors_with_one_value_are_left_out(rng):
    factors = np.stack([rng.integers(3, size=200), np.ones(200, int), rng.integers(4, size=200)], axis=1)
    codes = factors[:, [0, 2]] + rng.normal(size=(200, 2))
    expected = mce(LabelledCodes(codes, factors[:, [0, 2]], codes, factors[:, [0, 2]]), rng)
    assert mce(LabelledCodes(codes, factors, codes, factors), rng) == expected


def test_a_latent_that_tells_nothing_about_some_factors_is_active():
    factors = np.stack(np.unravel_index(np.arange(24), (2, 3, 4)), axis=1)
    codes = np.concatenate([factors, np.zeros((24, 1))], axis=1)
    scores = mce(LabelledCodes(codes, factors, codes, factors), np.random.default_rng(0), active_only=True)
    assert scores["modularity_score"] == scores["compactness_score"] == 1.0


def test_what_it_cannot_score_is_an_error(rng):
    codes, factors = rng.normal(size=(30, 3)), rng.integers(3, size=(30, 2))
    with pytest.raises(ValueError, match="needs at least 2; got 1"):
        mce(LabelledCodes(codes[:, :1], factors, codes[:, :1], factors), rng)
    with pytest.raises(ValueError, match="at least 2 factors"):
        mce(LabelledCodes(codes, factors * [1, 0], codes, factors), rng)
