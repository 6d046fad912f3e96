import numpy as np
import pytest

from disbench.factors import FactorSpace
from disbench.metrics._logistic_cv import fit_logistic_cv
from disbench.metrics._predictors import draw_train_test, fit_predictors
from disbench.table import LabelledCodes, RepresentationTable


def test_a_random_part_of_a_user_s_points_is_used_in_its_order(rng):
    codes = np.arange(100, dtype=np.float32)[:, None]
    table = LabelledCodes(codes, codes.astype(int) % 7, codes[:10] + 0.5, np.zeros((10, 1), int))
    num, data = draw_train_test(table, 30, 5, rng)
    chosen = data.train_codes[:, 0]
    assert num == len(chosen) == 30
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(data.train_factors[:, 0], chosen % 7)
    assert data.train_codes.dtype == data.test_codes.dtype == np.float64
    np.testing.assert_array_equal(data.test_codes, table.test_codes)
    assert draw_train_test(table, 30, 5, rng)[1].train_codes.tolist() != data.train_codes.tolist()
    num, data = draw_train_test(table, 1000, 5, rng)
    assert num == 100
    np.testing.assert_array_equal(data.train_codes, codes)


def test_points_of_a_grid_are_drawn(rng):
    table = RepresentationTable(FactorSpace(("a",), (50,)), np.arange(50, dtype=np.float32)[:, None])
    num, data = draw_train_test(table, 300, 40, rng)
    assert num == 300
    assert [len(array) for array in data] == [300, 300, 40, 40]
    assert data.train_codes.dtype == data.test_codes.dtype == np.float64
    np.testing.assert_array_equal(data.train_codes, data.train_factors)


@pytest.mark.parametrize("codes", ["train_codes", "test_codes"])
def test_codes_whose_squares_overflow_are_an_error(codes, rng):
    arrays = {"train_codes": np.ones((9, 1)), "test_codes": np.ones((9, 1))}
    table = LabelledCodes(
        **(arrays | {codes: np.full((9, 1), 1e200)}), train_factors=arrays[codes], test_factors=arrays[codes]
    )
    with pytest.raises(ValueError, match=r"within 1e\+100 of zero"):
        draw_train_test(table, 9, 9, rng)


def test_regression_is_multinomial_unless_asked(rng):
    codes, factors = rng.normal(size=(60, 2)), rng.integers(3, size=(60, 1))
    (fitted,) = fit_predictors(codes, factors, "logistic_regression")
    for solver in ("multinomial", "one-versus-rest"):
        (expected,) = fit_logistic_cv(codes, list(factors.T), solver)
        assert np.array_equal(fitted.slopes, expected.slopes) == (solver == "multinomial")
