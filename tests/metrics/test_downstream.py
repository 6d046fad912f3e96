"""Downstream tasks, whose two stages with a predictor of their own share one implementation."""

import numpy as np
import pytest

from disbench import catalogue, evaluate
from disbench.factors import FactorSpace
from disbench.metrics._logistic_cv import fit_logistic_cv
from disbench.metrics.downstream_boosted_trees import downstream_boosted_trees
from disbench.metrics.downstream_logistic_regression import downstream_logistic_regression
from disbench.metrics.reduced_downstream import reduced_downstream
from disbench.metrics.strong_downstream import strong_downstream
from disbench.table import LabelledCodes, RepresentationTable


@pytest.mark.parametrize(
    ("solver", "key"),
    [
        ("multinomial", "downstream_logistic_regression_cv"),
        ("one-versus-rest", "downstream_logistic_regression_cv_legacy_ovr"),
    ],
)
def test_cross_validated_regression_is_the_reference_s(codes_of, solver, key):
    golden = codes_of("dsp_nonlinear_f64")
    data, expected = golden.data, golden.scalars[key]
    num = expected["num_train"]
    codes, factors = data.train_codes[:num], data.train_factors[:num]
    models = fit_logistic_cv(codes, list(factors.T), solver)
    train = [(model.predict(codes) == labels).mean() for model, labels in zip(models, factors.T, strict=True)]
    test = [
        (model.predict(data.test_codes) == labels).mean()
        for model, labels in zip(models, data.test_factors.T, strict=True)
    ]
    np.testing.assert_allclose(train, expected["train_accuracy"], atol=1e-3)
    np.testing.assert_allclose(test, expected["test_accuracy"], atol=1e-3)


def test_boosted_trees_are_the_reference_s(codes_of, rng):
    golden = codes_of("dsp_nonlinear_f64")
    expected = golden.scalars["downstream_gradient_boosting"]
    scores = downstream_boosted_trees(golden.table, rng, num_train=(2000,))
    for index, (train, test) in enumerate(zip(expected["train_accuracy"], expected["test_accuracy"], strict=True)):
        assert scores[f"2000:train_accuracy_factor_{index}"] == pytest.approx(train, abs=0.01)
        assert scores[f"2000:test_accuracy_factor_{index}"] == pytest.approx(test, abs=0.02)


@pytest.mark.parametrize(
    ("metric", "key", "tolerance"),
    [
        (downstream_boosted_trees, "downstream_task_gbt", 0.03),
        (downstream_logistic_regression, "downstream_task_lr", 0.03),
    ],
)
def test_keys_and_values_of_tables_are_the_reference_s(toy, toy_scores, metric, key, tolerance):
    expected = toy_scores[key]["perfect_noisy"]["0"]
    scores = metric(toy["perfect_noisy"], np.random.default_rng(0), num_train=(50, 500), num_test=1000)
    assert scores.keys() == expected.keys()
    assert scores["500:mean_test_accuracy"] == pytest.approx(expected["500:mean_test_accuracy"], abs=tolerance)


@pytest.mark.parametrize("metric", [downstream_boosted_trees, downstream_logistic_regression])
def test_small_samples_of_a_user_s_points(metric, rng):
    factors = np.stack([np.arange(12) % 7, np.arange(12) % 2, np.zeros(12, int)], axis=1)
    codes = factors + 0.01 * rng.normal(size=(12, 3))
    scores = metric(LabelledCodes(codes, factors, codes, factors), rng, num_train=(1, 3, 12, 100))
    assert {key.split(":")[0] for key in scores} == {"1", "3", "12"}  # 100 are not there: all 12, once.
    assert scores["12:train_accuracy_factor_2"] == 1.0
    assert all(0 <= value <= 1 for value in scores.values())


def test_strong_task_has_the_reference_s_keys_and_loses_what_depends_on_another_factor(toy, toy_scores):
    expected = toy_scores["strong_downstream_task_gbt_300"]["perfect_noisy"]["0"]
    scores = strong_downstream(toy["perfect_noisy"], np.random.default_rng(0), num_train=(300,), num_test=300)
    assert scores.keys() == expected.keys()
    assert scores["300:mean_strong_test_accuracy"] == pytest.approx(expected["300:mean_strong_test_accuracy"], abs=0.03)
    space = FactorSpace(("a", "b"), (4, 4))
    factors = space.factors(np.arange(16))
    entangled = RepresentationTable.from_codes(space, (factors @ [[1, 1], [1, -1]]).astype(float))
    scores = strong_downstream(entangled, np.random.default_rng(0), num_train=(200,), num_test=300)
    assert scores["200:mean_test_accuracy"] > 0.95
    assert scores["200:strong_generalization_gap"] > 0.2


def test_reduced_task_has_the_reference_s_keys_and_loses_the_factor_alone(toy, toy_scores):
    expected = toy_scores["reduced_downstream_task_gbt_300"]["perfect_noisy"]["0"]
    table, options = toy["perfect_noisy"], {"num_train": (300,), "num_test": 300}
    assert reduced_downstream(table, np.random.default_rng(0), **options).keys() == expected.keys()
    scores = reduced_downstream(table, np.random.default_rng(0), **options, num_factors_to_remove=1)
    assert scores["300:mean_test_accuracy_reduced_factor"] == pytest.approx(0.2, abs=0.05)
    assert scores["300:mean_test_accuracy_other_factors"] > 0.97


def test_means_and_minima_are_those_of_the_factors(rng):
    factors = rng.integers(3, size=(400, 3))
    codes = factors * [1, 1, 0] + [0.1, 0.5, 1] * rng.normal(size=(400, 3))
    table = LabelledCodes(codes[:300], factors[:300], codes[300:], factors[300:])
    scores = downstream_logistic_regression(table, rng, num_train=(300,))
    for sample in ("train", "test"):
        values = [scores[f"300:{sample}_accuracy_factor_{factor}"] for factor in range(3)]
        assert values[0] > 0.99 > values[1] > values[2]
        assert scores[f"300:mean_{sample}_accuracy"] == pytest.approx(np.mean(values))
        assert scores[f"300:min_{sample}_accuracy"] == values[2]
    assert scores["300:train_accuracy_factor_1"] != scores["300:test_accuracy_factor_1"]


def test_strong_task_by_hand(rng):
    """The code is a + 10 b. What tells a is where b lies; what tells b, the threshold 5, is not moved by a.

    So of two test accuracies with the change, one is 1, and the other a half, of the values of a on one side.
    """
    table = RepresentationTable.from_codes(FactorSpace(("a", "b"), (2, 2)), [[0], [10], [1], [11]])
    scores = strong_downstream(table, rng, num_train=(200,), num_test=4000)
    assert scores == pytest.approx(
        {
            "200:mean_train_accuracy": 1,
            "200:mean_test_accuracy": 1,
            "200:mean_strong_train_accuracy": 1,
            "200:mean_strong_test_accuracy": 0.75,
            "200:strong_generalization_gap": 0.25,
        },
        abs=0.03,
    )


def test_strong_task_sets_only_factors_that_vary_and_has_no_gap_where_nothing_can_be_lost(rng):
    space = FactorSpace(("a", "constant", "b"), (4, 1, 4))
    table = RepresentationTable.from_codes(space, space.factors(np.arange(16)))
    scores = strong_downstream(table, rng, num_train=(100,), num_test=100, num_experiments=5)
    assert scores["100:mean_strong_test_accuracy"] == scores["100:mean_strong_train_accuracy"] == 1.0
    # One training and one test point of so many states do not share a value.
    wide = FactorSpace(("a", "b"), (1000, 1000))
    scores = strong_downstream(RepresentationTable(wide, np.zeros((10**6, 1))), rng, num_train=(1,), num_test=1)
    assert scores["1:mean_test_accuracy"] == scores["1:strong_generalization_gap"] == 0.0


def test_reduced_task_by_hand(rng):
    """Each factor has a latent of its own; without it the factor is guessed, and the others are not touched."""
    space = FactorSpace(("a", "b", "c"), (2, 4, 3))
    table = RepresentationTable.from_codes(space, space.factors(np.arange(24)))
    scores = reduced_downstream(table, rng, num_train=(2000,), num_test=8000, num_factors_to_remove=1)
    chance = 1 / 2, 1 / 4, 1 / 3
    expected = {}
    for sample in ("train", "test"):
        for factor in range(3):
            prefix = f"2000:reduced_factor_{factor}:mean_{sample}_accuracy"
            expected |= {f"{prefix}_factor_{other}": chance[factor] if other == factor else 1 for other in range(3)}
            expected |= {f"{prefix}_reduced_factor": chance[factor], f"{prefix}_non_reduced_factor": 1}
        expected[f"2000:mean_{sample}_accuracy_reduced_factor"] = sum(chance) / 3
        expected[f"2000:mean_{sample}_accuracy_other_factors"] = 1
    assert scores == pytest.approx(expected, abs=0.05)


class ReachedError(Exception):
    """What an option chooses is used."""


@pytest.mark.parametrize(
    ("option", "value", "chosen"),
    [
        ("trees", "scikit-learn", "disbench.metrics._trees._ScikitLearn"),
        ("predictor", "logistic_regression", "disbench.metrics._predictors.fit_logistic_cv"),
    ],
)
def test_options_choose_the_predictor(option, value, chosen, identity, monkeypatch):
    def reached(*arguments):
        raise ReachedError

    monkeypatch.setattr(chosen, reached)
    for metric in catalogue.names("metrics"):
        fields = catalogue.options(catalogue.find("metrics", metric)).model_fields
        if option in fields:
            few = {"num_train": (20,)} if "downstream" in metric else {"num_train": 20}
            few |= {"num_factors_to_remove": 1} if metric == "reduced_downstream" else {}
            with pytest.raises(ReachedError):
                evaluate(metric, identity, **few, **{option: value})
            few |= {"num_test_points_per_class": 5} if metric == "fairness" else {"num_test": 5}
            evaluate(metric, identity, **few)


@pytest.mark.parametrize("solver", ["multinomial", "one-versus-rest"])
def test_the_solver_is_the_one_asked_for(solver, identity, monkeypatch):
    def reached(codes, factors, solver):
        raise ReachedError(solver)

    monkeypatch.setattr("disbench.metrics._predictors.fit_logistic_cv", reached)
    with pytest.raises(ReachedError, match=solver):
        evaluate("downstream_logistic_regression", identity, num_train=(20,), solver=solver)


def test_what_they_cannot_score_is_an_error(rng):
    codes, factors = rng.normal(size=(20, 2)), rng.integers(3, size=(20, 2))
    table = LabelledCodes(codes, factors, codes, factors)
    one = RepresentationTable.from_codes(FactorSpace(("a", "b"), (3, 1)), np.ones((3, 2)))
    with pytest.raises(ValueError, match="at least 2 factors"):
        strong_downstream(one, rng)
    with pytest.raises(ValueError, match=r"strong_downstream sets factors to values.* got 20 points"):
        strong_downstream(table, rng)
    with pytest.raises(ValueError, match="needs at least 3; got 2"):
        reduced_downstream(table, rng)
    with pytest.raises(ValueError, match="needs at least 2; got 1"):
        reduced_downstream(LabelledCodes(codes, factors[:, :1], codes, factors[:, :1]), rng, num_factors_to_remove=1)
    with pytest.raises(ValueError, match="discrete factors"):
        downstream_boosted_trees(LabelledCodes(codes, codes, codes, codes), rng)
