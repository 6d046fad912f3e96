import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disbench import FactorSpace

NORB_LIKE = FactorSpace(("category", "instance", "elevation"), (5, 4, 3), nuisance=("instance",))


def test_lists_and_arrays_make_the_same_space_as_tuples():
    space = FactorSpace(["a", np.str_("b")], np.array([2.0, 3.0]), ["b"])
    assert space == FactorSpace(("a", "b"), (2, 3), ("b",))
    assert hash(space) == hash(FactorSpace(("a", "b"), (2, 3), ("b",)))
    assert [type(value) for value in (*space.names, *space.sizes, *space.nuisance)] == [str, str, int, int, str]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_rows_are_the_grid_in_c_order(sizes):
    space = FactorSpace(tuple(f"factor{i}" for i in range(len(sizes))), tuple(sizes))
    rows = np.arange(space.num_states)
    assert np.array_equal(space.states(rows), np.stack(np.unravel_index(rows, sizes), axis=1))
    assert np.array_equal(space.rows(space.states(rows)), rows)


def test_nuisance_is_an_axis_but_no_factor():
    assert NORB_LIKE.num_states == 60
    assert NORB_LIKE.num_factors == 2
    assert NORB_LIKE.factor_names == ("category", "elevation")
    assert NORB_LIKE.factor_sizes == (5, 3)
    assert NORB_LIKE.factors(59).tolist() == [4, 2]
    assert NORB_LIKE.states(59).tolist() == [4, 3, 2]


def test_rows_and_states_have_any_shape():
    assert NORB_LIKE.rows([4, 3, 2]) == 59
    rows = np.arange(60).reshape(4, 5, 3)
    assert NORB_LIKE.states(rows).shape == (4, 5, 3, 3)
    assert np.array_equal(NORB_LIKE.rows(NORB_LIKE.states(rows)), rows)
    narrow = np.array([[4, 3, 2]], dtype=np.uint8)  # Rows exceed the integers in which their states fit.
    assert FactorSpace(("a", "b", "c"), (5, 100, 100)).rows(narrow).tolist() == [40_302]
    none = np.zeros((0, 3), dtype=int)
    assert NORB_LIKE.rows(none).shape == (0,)
    assert NORB_LIKE.states(none).shape == (0, 3, 3)


def test_redraw_others_takes_lists_and_refuses_what_is_no_row():
    assert NORB_LIKE.redraw_others([0, 59], 1, np.random.default_rng(0)).shape == (2,)
    with pytest.raises(ValueError, match=r"\[0, 60\); got 3 to 60"):
        NORB_LIKE.redraw_others([3, 60], 0, np.random.default_rng(0))


def test_sample_is_uniform_with_replacement():
    rows = NORB_LIKE.sample((600, 100), np.random.default_rng(0))
    assert rows.shape == (600, 100)
    counts = np.bincount(rows.ravel(), minlength=60)
    chi_square = ((counts - 1000) ** 2 / 1000).sum()
    assert 30 < chi_square < 100  # 59 degrees of freedom: 0.1 % of uniform samples lie outside


@pytest.mark.parametrize("factor", [0, 1])
def test_redraw_others_keeps_one_factor_and_draws_the_rest_uniformly(factor):
    rows = np.full(40_000, 37)
    redrawn = NORB_LIKE.redraw_others(rows, factor, np.random.default_rng(1))
    assert (NORB_LIKE.factors(redrawn)[:, factor] == NORB_LIKE.factors(37)[factor]).all()
    counts = np.unique(redrawn, return_counts=True)[1]
    num_others = 60 // NORB_LIKE.factor_sizes[factor]
    assert len(counts) == num_others
    assert np.abs(counts * num_others / 40_000 - 1).max() < 0.15


def test_redraw_others_takes_a_factor_for_each_row():
    rows = np.arange(60).repeat(50).reshape(60, 50)
    factor = np.arange(60)[:, None] % 2
    redrawn = NORB_LIKE.redraw_others(rows, factor, np.random.default_rng(2))
    kept, before = NORB_LIKE.factors(redrawn), NORB_LIKE.factors(rows)
    chosen = np.broadcast_to(factor, rows.shape)
    assert np.array_equal(
        np.take_along_axis(kept, chosen[..., None], axis=2), np.take_along_axis(before, chosen[..., None], axis=2)
    )


def test_same_seed_same_rows():
    draws = [NORB_LIKE.redraw_others(np.arange(60), 0, np.random.default_rng(3)) for _ in range(2)]
    assert np.array_equal(*draws)


@pytest.mark.parametrize(
    ("names", "sizes", "nuisance", "message"),
    [
        (("a",), (2, 3), (), "one size for each factor"),
        (("a", "a"), (2, 3), (), "names that differ"),
        (("a", "b"), (2, 0), (), "at least 1; got 0"),
        (("a", "b"), (2, 2.5), (), r"at least 1; got 2\.5"),
        (("a", "b"), (2, True), (), "at least 1; got True"),
        (("a", "b"), (2, 3), ("c",), r"\['c'\] are not among"),
        (("a",), (2,), ("a",), "at least one ground-truth factor"),
    ],
)
def test_a_wrong_grid_is_refused(names, sizes, nuisance, message):
    with pytest.raises(ValueError, match=message):
        FactorSpace(names, sizes, nuisance)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (60, r"\[0, 60\); got 60 to 60"),
        ([5, 60], r"\[0, 60\); got 5 to 60"),
        (-1, "got -1"),
        ([-1, 5], "got -1 to 5"),
        (1.5, "integer rows; got float64"),
    ],
)
def test_rows_outside_the_grid_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        NORB_LIKE.states(rows)


@pytest.mark.parametrize(
    ("states", "message"),
    [
        (3, r"of shape \(\.\.\., 3\).* got int64 of shape \(\)"),
        ([[0, 0]], r"of shape \(\.\.\., 3\).* got int64 of shape \(1, 2\)"),
        ([[0, 4, 0]], r"\[0, size\)"),
        ([[0, -1, 0]], r"\[0, size\)"),
        ([[0.0, 1.0, 0.0]], "integer states"),
    ],
)
def test_states_outside_the_grid_are_refused(states, message):
    with pytest.raises(ValueError, match=message):
        NORB_LIKE.rows(states)
