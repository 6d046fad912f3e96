import numpy as np
import pytest

from disbench.factors import FactorSpace
from disbench.metrics.mig import information_gaps, mig
from disbench.table import LabelledCodes, RepresentationTable


def test_score_is_the_reference_s(golden, rng):
    assert mig(golden.table, rng)["discrete_mig"] == pytest.approx(golden.scalars["mig"]["discrete_mig"], abs=1e-9)


def test_gaps_by_hand():
    information = np.array([[0.5, 0.1], [0.2, 0.4], [0.1, 0.3]])
    np.testing.assert_allclose(information_gaps(information, np.array([1.0, 0.5])), [0.3, 0.2])


def test_identity_scores_one_and_a_duplicated_code_zero(identity, rng):
    assert mig(identity, rng)["discrete_mig"] > 0.97  # Samples are not exactly independent.
    twice = RepresentationTable(identity.space, np.tile(identity.mean, 2))
    assert mig(twice, rng)["discrete_mig"] == 0.0


def test_scores_of_tables_are_near_the_reference_s(toy, toy_scores):
    for name, table in toy.items():
        reference = [scores["discrete_mig"] for scores in toy_scores["mig"][name].values()]
        ours = [mig(table, np.random.default_rng(seed), num_train=2000)["discrete_mig"] for seed in range(5)]
        assert np.mean(ours) == pytest.approx(np.mean(reference), abs=0.01)


def test_a_factor_with_one_value_is_left_out(rng):
    space = FactorSpace(("a", "constant", "b"), (4, 1, 5))
    with_constant = RepresentationTable.from_codes(space, space.factors(np.arange(20))[:, ::2])
    without = RepresentationTable.from_codes(FactorSpace(("a", "b"), (4, 5)), with_constant.mean)
    assert mig(with_constant, np.random.default_rng(3)) == mig(without, np.random.default_rng(3))


def test_what_it_cannot_score_is_an_error(rng):
    codes, factors = rng.normal(size=(20, 3)), rng.integers(3, size=(20, 2))
    with pytest.raises(ValueError, match="needs at least 2; got 1"):
        mig(LabelledCodes(codes[:, :1], factors, codes[:, :1], factors), rng)
    with pytest.raises(ValueError, match="at least 1 factor with two or more values"):
        mig(LabelledCodes(codes, factors * 0, codes, factors), rng)
    with pytest.raises(ValueError, match="discrete factors; factor 1 has values that are not whole numbers"):
        mig(LabelledCodes(codes, factors * [1, 0.3], codes, factors), rng)
