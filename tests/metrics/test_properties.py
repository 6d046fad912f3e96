"""What holds for every metric of the catalogue, whatever its formula."""

import numpy as np
import pytest

import disbench
from disbench import catalogue
from disbench.factors import FactorSpace
from disbench.metrics.udr import udr
from disbench.table import RepresentationTable

GRID = FactorSpace(("a", "b", "c", "d", "e"), (3, 4, 5, 6, 8))
FACTORS = GRID.factors(np.arange(GRID.num_states))
POINTS = {"num_train": 300, "num_test": 300}
TASK = {"num_train": (300,), "num_test": 300}
OPTIONS = {
    "beta_vae": {"num_train": 1000, "num_eval": 500},
    "dci": POINTS,
    "downstream_boosted_trees": TASK,
    "downstream_logistic_regression": TASK,
    "factor_vae": {"num_train": 1000, "num_eval": 500},
    "fairness": {"num_train": 300},
    "irs": {"num_train": 1000},
    "mce": {"num_train": 1000, "num_test": 300},
    "mig": {"num_train": 1000},
    "reduced_downstream": {**TASK, "num_factors_to_remove": 1},
    "sap": {"num_train": 1000, "num_test": 300},
    "strong_downstream": TASK,
    "udr": {"num_points": 1000},
    "unified_scores": {"num_train": 1000, "num_test": 300},
    "unsupervised": {"num_train": 1000},
}


def scores_of(metric, codes, seed=0):
    """Scores of codes of the grid; models of the ranking are the codes, and the codes with latents reversed."""
    table = RepresentationTable(GRID, codes)
    if metric == "udr":
        other = RepresentationTable(GRID, np.ascontiguousarray(codes[:, ::-1]))
        return udr([table, other], np.random.default_rng(seed), **OPTIONS[metric])
    return disbench.evaluate(metric, table, seed=seed, **OPTIONS[metric])


def blurred():
    """Codes that are neither perfect nor random, without ties."""
    rng = np.random.default_rng(1)
    mixing = np.eye(5) + 0.3 * rng.normal(size=(5, 5))
    return (FACTORS / FACTORS.std(axis=0)) @ mixing + 0.2 * rng.normal(size=FACTORS.shape)


def test_every_metric_is_here():
    assert set(OPTIONS) == set(catalogue.names("metrics"))


# Scores of trees may change where splits tie; those of classifiers where an optimiser stops.
PERMUTATION = dict.fromkeys(OPTIONS, 1e-9) | {
    "beta_vae": 0.01,
    "dci": 0.02,
    "downstream_boosted_trees": 0.05,
    "downstream_logistic_regression": 0.01,
    "fairness": 0.1,
    "mce": 1e-4,
    "reduced_downstream": 0.05,
    "strong_downstream": 0.05,
    "udr": 1e-3,
    "unified_scores": 0.1,
}


@pytest.mark.parametrize("metric", sorted(OPTIONS))
def test_the_order_of_latents_does_not_matter(metric):
    codes = blurred()
    untouched = codes.copy()
    before = scores_of(metric, codes)
    np.testing.assert_array_equal(codes, untouched)
    after = scores_of(metric, np.ascontiguousarray(codes[:, [3, 0, 4, 1, 2]]))
    # Scores of single latents move with them; merges are ranks, which a small change of an importance reorders.
    moving = ("disentanglement.code_", "modularity.code_", ".merge_")
    compared = [key for key in before if not any(part in key for part in moving)]
    assert compared
    for key in compared:
        assert after[key] == pytest.approx(before[key], abs=PERMUTATION[metric]), key


# Without the metrics of trees, which split halfway between values, where rounding and ties are not symmetric.
SIGN = ["beta_vae", "factor_vae", "irs", "mce", "mig", "sap", "udr", "unsupervised"]
# Not where a classifier is regularised in the units of the codes, nor distances between Gaussians.
SCALE = ["dci", "downstream_boosted_trees", "factor_vae", "fairness", "irs", "mce", "mig", "udr", "strong_downstream"]


@pytest.mark.parametrize("metric", SIGN)
def test_signs_do_not_matter(metric):
    codes = blurred()
    flipped = scores_of(metric, codes * [1, -1, 1, -1, -1])
    assert flipped == pytest.approx(scores_of(metric, codes), abs=max(1e-6, PERMUTATION[metric]))


@pytest.mark.parametrize("metric", SCALE)
def test_a_common_positive_scale_does_not_matter(metric):
    codes = blurred()
    assert scores_of(metric, 4 * codes) == pytest.approx(scores_of(metric, codes), abs=1e-6)


# Not the scores that judge codes without the factors, nor fairness, of which the best is 0.
# Key, the least of perfect codes and the most of random ones: chance is 0.215 for accuracies, 0.2 for fixed factors.
LIMITS = [
    ("beta_vae", "eval_accuracy", 1.0, 0.3),
    ("dci", "completeness", 0.99, 0.3),
    ("dci", "disentanglement", 0.99, 0.3),
    ("dci", "informativeness_test", 0.99, 0.35),
    ("downstream_boosted_trees", "300:mean_test_accuracy", 0.99, 0.35),
    ("downstream_logistic_regression", "300:mean_test_accuracy", 0.9, 0.35),
    ("factor_vae", "eval_accuracy", 1.0, 0.35),
    ("irs", "IRS", 0.99, 0.5),
    ("mce", "explicitness_score_test", 0.95, 0.6),
    ("mce", "modularity_score", 0.95, 0.9),
    ("mig", "discrete_mig", 0.9, 0.1),
    ("reduced_downstream", "300:mean_test_accuracy_other_factors", 0.99, 0.35),
    ("sap", "SAP_score", 0.2, 0.1),
    ("strong_downstream", "300:mean_strong_test_accuracy", 0.99, 0.35),
    ("unified_scores", "mutual_information_matrix.dci", 0.8, 0.5),
]


@pytest.mark.parametrize(("metric", "key", "floor", "ceiling"), LIMITS)
def test_perfect_codes_reach_a_floor_and_random_ones_stay_under_a_ceiling(metric, key, floor, ceiling):
    perfect = (FACTORS - FACTORS.mean(axis=0)) / FACTORS.std(axis=0)
    assert scores_of(metric, perfect)[key] >= floor
    assert scores_of(metric, np.random.default_rng(0).normal(size=perfect.shape))[key] <= ceiling


CONTINUOUS = ["irs", "unsupervised", "sap"]
REFUSAL = "discrete factors|needs the code of every state|share the value of a factor|compares models"


@pytest.mark.parametrize("metric", sorted(OPTIONS))
def test_continuous_factors_are_accepted_or_refused_in_words(metric, rng):
    factors = rng.uniform(size=(60, 2))
    if metric in CONTINUOUS:
        options = {"continuous_factors": True} if metric == "sap" else {}
        assert np.isfinite(list(disbench.score(metric, factors, factors, **options).values())).all()
    else:
        with pytest.raises(ValueError, match=REFUSAL):
            disbench.score(metric, np.tile(factors, 2), factors)


@pytest.mark.parametrize("metric", ["strong_downstream", "factor_vae", "mig"])
def test_a_seed_decides(metric, identity):
    small = {"num_train": (40,), "num_test": 30} if metric == "strong_downstream" else {"num_train": 60}
    first, again = (disbench.evaluate(metric, identity, seed=3, **small) for _ in range(2))
    assert first == again


def test_other_metrics_change_nothing(identity):
    alone = disbench.evaluate("mig", identity, num_train=50)
    for other in ("sap", "irs"):
        disbench.evaluate(other, identity, num_train=50)
    assert disbench.evaluate("mig", identity, num_train=50) == alone
    assert disbench.evaluate("mig", identity, num_train=50, seed=1) != alone
