import numpy as np
import pytest
from scipy.stats import spearmanr

from disbench.factors import FactorSpace
from disbench.metrics._scale import standardized
from disbench.metrics.udr import (
    _informative,
    lasso_weights,
    model_scores,
    rank_correlations,
    relative_strength,
    udr,
)
from disbench.table import LabelledCodes, RepresentationTable


@pytest.mark.parametrize(
    ("key", "relate"), [("udr_lasso", lambda a, b: lasso_weights(a, b, 0.1)), ("udr_spearman", rank_correlations)]
)
def test_scores_are_the_reference_s(golden_folder, toy_scores, key, relate):
    points = np.load(golden_folder / "toy/udr_points.npz")
    masks = [points[f"kl_{model}"] > 0.01 for model in range(4)]
    codes = [standardized(*[points[f"codes_{model}"].astype(float)] * 2)[0] * masks[model] for model in range(4)]
    pairs = np.zeros((4, 4))
    for i, j in zip(*np.nonzero(~np.eye(4, dtype=bool)), strict=True):
        pairs[i, j] = relative_strength(relate(codes[i], codes[j])[masks[i]][:, masks[j]], "reference")
    expected = toy_scores[key]["4models"]["0"]
    np.testing.assert_allclose(pairs, np.squeeze(expected["pairwise_disentanglement_scores"], -1), atol=1e-9)
    np.testing.assert_allclose(model_scores(pairs), expected["model_scores"], atol=1e-9)


def test_rank_correlations_equal_scipy_s(rng):
    first, second = rng.integers(9, size=(100, 3)), rng.normal(size=(100, 2))
    expected = np.abs(spearmanr(first, second).statistic[:3, 3:])
    np.testing.assert_allclose(rank_correlations(first, second), expected)


def test_relative_strength_by_hand():
    assert relative_strength(np.eye(3)) == 1.0
    assert relative_strength(np.zeros((2, 3))) == 0.0
    matrix = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 1.0]])  # Columns 1, 1, 1; rows 1 and 1/2.
    assert relative_strength(matrix) == pytest.approx(4.5 / 5)
    assert relative_strength(matrix, "reference") == pytest.approx((1 + 0.75) / 2)


def test_informative_latents_are_those_that_vary_and_differ_from_the_prior():
    """The divergences are 0, 0.5 and (e^-3 + 3 - 1) / 2 = 1.02 nats."""
    mean = np.array([[0.0, 1.0, 0.0, 1.0], [0.0, -1.0, 0.0, 1.0]])
    codes = mean + np.array([[0.01, 0, 0.01, 0], [-0.01, 0, -0.01, 0]])
    table = RepresentationTable(FactorSpace(("a",), (2,)), mean, np.array([[0.0, 0.0, -3.0, 0.0]] * 2))
    rows = np.arange(2)
    assert _informative(table, rows, codes, 0.01).tolist() == [False, True, True, False]
    assert _informative(table, rows, codes, 0.49).tolist() == [False, True, True, False]
    assert _informative(table, rows, codes, 0.51).tolist() == [False, False, True, False]
    assert _informative(table, rows, codes, 1.03).tolist() == [False, False, False, False]


def tables_of(codes, log_variance=None):
    space = FactorSpace(("a",), (len(codes[0]),))
    return [RepresentationTable(space, code, log_variance) for code in codes]


@pytest.mark.parametrize("correlation", ["lasso", "spearman"])
def test_related_models_score_high_and_unrelated_ones_low(correlation, rng):
    codes = rng.normal(size=(3000, 4))
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    models = [codes, -codes[:, [2, 0, 3, 1]], 2 * codes[:, ::-1], codes @ rotation]
    scores = udr(tables_of(models), rng, correlation=correlation)
    alike = [scores[f"model_scores.{index}"] for index in range(3)]
    assert min(alike) > 0.8
    assert scores["model_scores.3"] < min(alike) - 0.1
    assert len(scores) == 4 + 12


def test_latents_that_equal_the_prior_are_not_compared(rng):
    codes = rng.normal(size=(2000, 3)) * [2.0, 2.0, 0.001]
    log_variance = np.tile([-3.0, -3.0, 0.0], (2000, 1))
    other = np.concatenate([codes[:, :2], 0.001 * rng.normal(size=(2000, 1))], axis=1)
    filtered = udr(tables_of([codes, other], log_variance), rng, correlation="spearman")
    assert filtered["model_scores.0"] > 0.95
    assert filtered["model_scores.0"] > udr(tables_of([codes, other]), rng, correlation="spearman")["model_scores.0"]
    none = udr(tables_of([codes * 0, codes * 0], np.zeros_like(codes)), rng)
    assert set(none.values()) == {0.0}


def test_tables_that_do_not_belong_together_are_an_error(rng):
    codes = rng.normal(size=(10, 2))
    with pytest.raises(ValueError, match="tables of at least 2; got 1"):
        udr(tables_of([codes]), rng)
    with pytest.raises(ValueError, match="tables of at least 2; got 1"):
        udr(tables_of([codes])[0], rng)
    with pytest.raises(ValueError, match=r"within 1e\+100 of zero"):
        udr(tables_of([codes, 1e200 * codes]), rng)
    with pytest.raises(ValueError, match="same states or points"):
        udr(tables_of([codes]) + tables_of([codes[:5]]), rng)
    points = LabelledCodes(codes, codes, codes, codes)
    assert len(udr([points, points], rng)) == 4
