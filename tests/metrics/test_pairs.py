import numpy as np
import pytest

from disbench.factors import FactorSpace
from disbench.metrics._pairs import chunks, draw_factors, require_repeats
from disbench.table import LabelledCodes, RepresentationTable


def test_chunks_cover_all_batches_and_hold_about_100_000_points():
    assert list(chunks(250, 1000)) == [slice(0, 100), slice(100, 200), slice(200, 250)]
    assert list(chunks(3, 64)) == [slice(0, 3)]
    assert list(chunks(2, 1_000_000)) == [slice(0, 1), slice(1, 2)]


def test_factors_that_vary_are_drawn_uniformly(rng):
    space = FactorSpace(("a", "constant", "b"), (3, 1, 2))
    drawn = draw_factors(RepresentationTable.from_codes(space, np.zeros((6, 1))), 10_000, "a_metric", rng)
    counts = np.bincount(drawn)
    assert counts.sum() == 10_000
    assert counts[1] == 0
    assert abs(counts[0] - 5000) < 200  # Four standard deviations.
    with pytest.raises(ValueError, match="a_metric needs at least 2 factors"):
        draw_factors(RepresentationTable.from_codes(FactorSpace(("a",), (3,)), np.zeros((3, 1))), 5, "a_metric", rng)


def points(*factors):
    factors = np.stack(factors, axis=1)
    return LabelledCodes(np.zeros((len(factors), 1)), factors, np.zeros((1, 1)), factors[:1])


def test_a_factor_that_takes_no_value_twice_is_refused():
    require_repeats(points([0, 0, 1], [2, 1, 2]), "a_metric")
    require_repeats(points([5], [7]), "a_metric")  # Of a single point what is wrong is that no factor varies.
    with pytest.raises(ValueError, match="a_metric needs points.*all 3 values of factor 1 differ"):
        require_repeats(points([0, 0, 1], [2, 1, 0]), "a_metric")
    with pytest.raises(ValueError, match="all 2 values of factor 0 differ"):
        require_repeats(points([3, 0], [1, 1]), "a_metric")
    space = FactorSpace(("a", "b"), (3, 1))  # Other draws from a grid share values, although its three rows do not.
    require_repeats(RepresentationTable.from_codes(space, np.zeros((3, 1))), "a_metric")
