import numpy as np
import pytest

from disbench.factors import FactorSpace
from disbench.metrics.fairness import aggregated, fairness, inter_group_fairness
from disbench.table import LabelledCodes, RepresentationTable


def test_total_variations_by_hand():
    assert inter_group_fairness(np.array([[10, 10, 20], [10, 10, 20]])) == (0.0, 0.0)
    assert inter_group_fairness(np.array([[10, 0], [0, 10]])) == (0.5, 0.5)
    # Two of three groups agree; the third is the other class.
    mean, largest = inter_group_fairness(np.array([[10, 10, 0], [0, 0, 5]]))
    assert (mean, largest) == pytest.approx(((20 * 0.2 + 5 * 0.8) / 25, 0.8))


@pytest.mark.parametrize("name", ["nonlinear", "perfect_noisy"])
@pytest.mark.parametrize("prefix", ["mean_fairness", "max_fairness"])
def test_aggregates_are_the_reference_s(toy_scores, name, prefix):
    expected = {k: v for k, v in toy_scores["fairness_gbt_300"][name]["0"].items() if k.startswith(prefix)}
    matrix = np.zeros((5, 5))
    for i, j in zip(*np.nonzero(~np.eye(5, dtype=bool)), strict=True):
        matrix[i, j] = expected[f"{prefix}:pred{i}:sens{j}"]
    scores = aggregated(matrix, prefix)
    assert scores.keys() == expected.keys()
    assert all(scores[key] == pytest.approx(expected[key]) for key in scores)


def test_scores_are_near_the_reference_s(toy, toy_scores):
    for name in ("nonlinear", "perfect_noisy"):
        expected = toy_scores["fairness_gbt_300"][name]["0"]
        scores = fairness(toy[name], np.random.default_rng(0), num_train=300)
        key = "mean_fairness:mean_pred:mean_sens"
        assert scores.keys() == expected.keys()
        assert scores[key] == pytest.approx(expected[key], abs=0.03)


def test_two_factors_by_hand(rng):
    """The code is a where b is 0, and 2 where b is 1; what is most likely to lie behind it is predicted.

    So a is told where b is 0 and said to be 2 where b is 1: both differ from all predictions, of which 1/6, 1/6 and 4/6
    are 0, 1 and 2, by a third. And b is told unless a is 2, when it is always said to be 1: the total variations from
    1/3 and 2/3 are a sixth, a sixth and a third.
    """
    table = RepresentationTable.from_codes(FactorSpace(("a", "b"), (3, 2)), [[0], [2], [1], [2], [2], [2]])
    scores = fairness(table, rng, num_train=3000, num_test_points_per_class=20_000)
    expected = {"pred0:sens1": (1 / 3, 1 / 3), "pred1:sens0": (2 / 9, 1 / 3)}
    for pair, (mean, largest) in expected.items():
        assert scores[f"mean_fairness:{pair}"] == pytest.approx(mean, abs=0.02)
        assert scores[f"max_fairness:{pair}"] == pytest.approx(largest, abs=0.02)


def test_predictions_from_separate_latents_are_fair(identity, rng):
    scores = fairness(identity, rng, num_train=500)
    assert set(scores.values()) == {0.0}


def test_what_it_cannot_score_is_an_error(rng):
    codes, factors = rng.normal(size=(20, 2)), rng.integers(3, size=(20, 2))
    with pytest.raises(ValueError, match="fairness sets factors to values"):
        fairness(LabelledCodes(codes, factors, codes, factors), rng)
    space = FactorSpace(("a",), (3,))
    with pytest.raises(ValueError, match="needs at least 2; got 1"):
        fairness(RepresentationTable.from_codes(space, np.ones((3, 2))), rng)
