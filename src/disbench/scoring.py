"""Metrics for people: on a table, or on a user's own arrays, checked at the door."""

from collections.abc import Callable
from math import ceil
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import ArrayLike, NDArray

from disbench import catalogue
from disbench.factors import FactorSpace
from disbench.metrics._options import DrawnPoints
from disbench.seeds import derive_rng
from disbench.table import FloatArray, LabelledCodes, RepresentationTable


def evaluate(metric: str, table: RepresentationTable, *, seed: int = 0, **options: Any) -> dict[str, float]:
    """Scores of a table of codes of all states of a grid.

    Parameters
    ----------
    metric
        Name of a metric, or `module:function` for your own.
    table
        What an encoder says about every state; `RepresentationTable.from_codes(space, codes)` makes one.
    seed
        The metric draws from a generator derived from this seed and its name.
    options
        Options of the metric, as its signature has them.

    Raises
    ------
    ValueError
        If there is no such metric or option, or if the metric is not defined for these codes.
    """
    function = catalogue.find("metrics", metric)
    checked = catalogue.check_options(f"metrics.{metric}", function, options)
    scores: dict[str, float] = function(table, derive_rng(seed, metric), **checked)
    return scores


def score(
    metric: str,
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    codes_test: ArrayLike | None = None,
    factors_test: ArrayLike | None = None,
    train_fraction: float | None = None,
    seed: int = 0,
    **options: Any,
) -> dict[str, float]:
    """Scores of your own codes; every point given is used.

    Parameters
    ----------
    metric
        Name of a metric, or `module:function` for your own.
    codes, factors
        (n, num_latents) and (n, num_factors), one row a point.
    codes_test, factors_test
        Points on which predictors are tested, likewise. Without them, and without `train_fraction`, predictors are
        tested on the points that trained them.
    train_fraction
        In (0, 1): the first `ceil(train_fraction * n)` points train, the others test.
    seed
        The metric draws from a generator derived from this seed and its name.
    options
        Options of the metric, as its signature has them, but for numbers of points to draw.

    Raises
    ------
    ValueError
        If arrays have the wrong shape or are not finite, if there is no such metric or option, or if the metric is not
        defined for these points.
    """
    function = catalogue.find("metrics", metric)
    checked = catalogue.check_options(f"metrics.{metric}", function, options)
    _refuse_drawn_points(metric, function, options)
    points = _parse_points("codes", codes, "factors", factors)
    if (codes_test is None) != (factors_test is None):
        raise ValueError("expected both codes_test and factors_test, or neither; got one of them")
    if codes_test is not None and factors_test is not None:
        if train_fraction is not None:
            raise ValueError("expected train_fraction or test points; got both")
        test = _parse_points("codes_test", codes_test, "factors_test", factors_test)
        _check_same_columns(points, test)
    elif train_fraction is not None:
        points, test = _split(points, train_fraction)
    else:
        test = points
    scores: dict[str, float] = function(LabelledCodes(*points, *test), derive_rng(seed, metric), **checked)
    return scores


def table_of(space: FactorSpace, codes: ArrayLike) -> RepresentationTable:
    """Table of codes (num_states, num_latents) of all states of a grid in their order, checked like points.

    Raises
    ------
    ValueError
        If there is not one row of finite numbers for each state.
    """
    return RepresentationTable.from_codes(space, _parse_codes("codes", codes))


Points = tuple[FloatArray, NDArray[Any]]


def _refuse_drawn_points(metric: str, function: Callable[..., Any], options: dict[str, Any]) -> None:
    hints = get_type_hints(function, include_extras=True)
    for name in options:
        if any(isinstance(mark, DrawnPoints) for mark in getattr(hints[name], "__metadata__", ())):
            raise ValueError(
                f"{metric}: {name} is a number of points to draw from a table; of your own points every one is used. "
                f"Leave it out, and pass the points that shall count"
            )


def _parse_points(codes_name: str, codes: ArrayLike, factors_name: str, factors: ArrayLike) -> Points:
    points = _parse_codes(codes_name, codes), _parse_factors(factors_name, factors)
    num_codes, num_factors = len(points[0]), len(points[1])
    if num_codes != num_factors:
        transposed = points[0].shape[1] == points[1].shape[1]
        hint = f" They look like dimensions first: pass {codes_name}.T and {factors_name}.T" if transposed else ""
        raise ValueError(
            f"expected {codes_name} (n, num_latents) and {factors_name} (n, num_factors), one row a point; "
            f"got shapes {points[0].shape} and {points[1].shape}.{hint}"
        )
    return points


def _parse_codes(name: str, values: ArrayLike) -> FloatArray:
    codes = _parse_matrix(name, values)
    return codes if codes.dtype.kind == "f" else codes.astype(np.float64)


def _parse_factors(name: str, values: ArrayLike) -> NDArray[Any]:
    factors = _parse_matrix(name, values)
    return factors if factors.dtype.kind == "f" else factors.astype(np.int64)


def _parse_matrix(name: str, values: ArrayLike) -> NDArray[Any]:
    try:
        matrix = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"expected {name} with two axes, one row a point; {error}") from error
    if matrix.dtype.kind not in "fiub":
        raise ValueError(f"expected numbers in {name}; got {matrix.dtype}")
    if matrix.ndim != 2 or 0 in matrix.shape:
        slots = ". Vectors (n, num_slots, width) are reduced by disbench.reduce_slots, or --pca" * (matrix.ndim == 3)
        raise ValueError(f"expected {name} with two axes, one row a point; got shape {matrix.shape}{slots}")
    if np.ma.is_masked(values):
        raise ValueError(
            f"expected a value in every place of {name}; some are masked. Leave out the rows that have them"
        )
    if matrix.dtype.kind == "f" and matrix.dtype not in (np.float32, np.float64):
        with np.errstate(over="ignore"):  # what is too large is infinite below
            matrix = matrix.astype(np.float64)
    if not np.isfinite(matrix).all():
        raise ValueError(
            f"expected finite values in {name}; got {np.count_nonzero(~np.isfinite(matrix))} NaN or infinite"
        )
    return matrix


def _check_same_columns(train: Points, test: Points) -> None:
    for name, first, second in zip(("codes", "factors"), train, test, strict=True):
        if first.shape[1] != second.shape[1]:
            raise ValueError(
                f"expected {name} and {name}_test with as many columns; got {first.shape[1]} and {second.shape[1]}"
            )


def _split(points: Points, train_fraction: float) -> tuple[Points, Points]:
    num = len(points[0])
    num_train = ceil(train_fraction * num) if 0 < train_fraction < 1 else 0
    if not 0 < num_train < num:
        raise ValueError(
            f"expected a train_fraction in (0, 1) that leaves points to train and to test; "
            f"got {train_fraction!r} of {num} points"
        )
    codes, factors = points
    return (codes[:num_train], factors[:num_train]), (codes[num_train:], factors[num_train:])
