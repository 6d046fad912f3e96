import numpy as np
import pytest

from disbench.metrics._scale import as_float64, require_fourth_powers, require_range, standardized


@pytest.mark.parametrize(
    ("check", "dtype", "limit"),
    [
        (as_float64, np.float64, 1e100),
        (require_range, np.float64, 1e100),
        (require_range, np.float32, 1e18),
        (require_fourth_powers, np.float64, 1e50),
    ],
)
def test_codes_up_to_a_limit_are_accepted_and_larger_ones_refused(check, dtype, limit):
    largest = np.array([[0.0, limit], [-limit, 1.0]], dtype=dtype)
    check(largest)
    check(np.zeros((0, 2), dtype=dtype))
    for sign in (1, -1):
        beyond = sign * np.nextafter(largest[0], dtype(np.inf))
        with pytest.raises(ValueError, match=r"within 1e\+\d+ of zero; got 1.*e\+\d+\. Rescale them"):
            check(beyond)


def test_codes_become_double_precision():
    codes = as_float64(np.array([0.1], dtype=np.float32))
    assert codes.dtype == np.float64
    assert codes[0] == np.float32(0.1)


def test_units_are_those_of_the_training_points():
    train, test = standardized(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[5.0, 7.0]]))
    np.testing.assert_array_equal(train, [[-1, 0], [1, 0]])
    np.testing.assert_array_equal(test, [[3, 0]])


def test_a_constant_that_rounding_blurs_is_constant():
    """The standard deviation of equal numbers need not be 0."""
    codes = np.full((49, 1), 1.1)
    assert codes.std(axis=0) > 0
    np.testing.assert_array_equal(standardized(codes, codes + 1), np.zeros((2, 49, 1)))
