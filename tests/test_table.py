import numpy as np
import pytest

from disbench import FactorSpace, RepresentationTable
from disbench.table import LabelledCodes

SPACE = FactorSpace(("shape", "x"), (3, 5))
FACTORS = SPACE.factors(np.arange(15))


def rng():
    return np.random.default_rng(0)


def test_codes_are_looked_up_by_row():
    table = RepresentationTable.from_codes(SPACE, FACTORS)
    assert table.mean.dtype == np.float64
    codes, factors = table.sample(1000, rng())
    assert np.array_equal(codes, factors)
    rows = np.array([[3, 14], [0, 3]])
    assert np.array_equal(table.codes(rows, rng()), FACTORS[rows])


def test_train_and_test_points_are_drawn_apart():
    data = RepresentationTable.from_codes(SPACE, FACTORS).train_test(200, 100, rng())
    assert data.train_codes.shape == data.train_factors.shape == (200, 2)
    assert data.test_codes.shape == (100, 2)
    assert not np.array_equal(data.train_factors[:100], data.test_factors)


def test_sampled_codes_have_the_posterior_moments():
    log_variance = np.log(np.tile([0.25, 4.0], (15, 1)))
    table = RepresentationTable(SPACE, FACTORS.astype(float), log_variance).sampled()
    codes = table.codes(np.full(50_000, 7), rng())
    assert np.allclose(codes.mean(axis=0), FACTORS[7], atol=0.03)
    assert np.allclose(codes.var(axis=0), [0.25, 4.0], rtol=0.03)


def test_labelled_codes_use_every_point():
    points = LabelledCodes(FACTORS.astype(float), FACTORS, FACTORS[:4].astype(float), FACTORS[:4])
    codes, factors = points.sample(3, rng())
    assert np.array_equal(factors, FACTORS)
    assert np.array_equal(codes, FACTORS)
    data = points.train_test(3, 3, rng())
    assert len(data.train_codes) == 15
    assert len(data.test_codes) == 4


@pytest.mark.parametrize("factor", [0, 1])
def test_labelled_codes_redraw_like_the_grid_when_they_are_the_grid(factor):
    points = LabelledCodes(FACTORS.astype(float), FACTORS, FACTORS.astype(float), FACTORS)
    rows = np.full(30_000, 8)
    redrawn = points.redraw_others(rows, factor, rng())
    assert (FACTORS[redrawn, factor] == FACTORS[8, factor]).all()
    counts = np.unique(redrawn, return_counts=True)[1]
    assert len(counts) == 15 // SPACE.sizes[factor]
    assert counts.max() / counts.min() < 1.1


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.zeros((14, 2)), r"shape \(15, num_latents\).*got shape \(14, 2\)"),
        (np.zeros((2, 15)), r"got shape \(2, 15\)"),
        (np.full((15, 2), np.nan), "NaN or infinity"),
        (np.full((15, 2), "a"), "numeric codes; got <U1"),
    ],
)
def test_wrong_codes_are_refused(codes, message):
    with pytest.raises(ValueError, match=message):
        RepresentationTable.from_codes(SPACE, codes)


def test_a_sampled_table_needs_variances():
    with pytest.raises(ValueError, match="needs log_variance"):
        RepresentationTable.from_codes(SPACE, FACTORS).sampled()


def test_mean_and_log_variance_have_one_shape():
    with pytest.raises(ValueError, match=r"\(15, 2\), log_variance has \(15, 3\)"):
        RepresentationTable(SPACE, np.zeros((15, 2)), np.zeros((15, 3)))
