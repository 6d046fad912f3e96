"""Small hostile arrays: a metric returns finite numbers or says in words of its own what is wrong."""

import json
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import disbench
from disbench import catalogue
from disbench.factors import FactorSpace
from disbench.metrics.udr import udr
from disbench.table import RepresentationTable

METRICS = catalogue.names("metrics")
SMALL: dict[str, dict[str, Any]] = {
    "beta_vae": {"num_train": 12, "num_eval": 6, "batch_size": 3},
    "factor_vae": {"num_train": 12, "num_eval": 6, "batch_size": 3},
    "downstream_boosted_trees": {"num_train": (2, 7)},
    "downstream_logistic_regression": {"num_train": (2, 7)},
    "reduced_downstream": {"num_train": (7,), "num_factors_to_remove": 1},
}
DRAWN: dict[str, dict[str, Any]] = {
    **{name: {"num_train": 12} for name in ("irs", "mig", "unsupervised")},
    **{name: {"num_train": 12, "num_test": 6} for name in ("dci", "mce", "sap", "unified_scores")},
    **{name: {"num_test": 6} for name in ("downstream_boosted_trees", "downstream_logistic_regression")},
    "factor_vae": {"num_variance_estimate": 12},
    "fairness": {"num_train": 12, "num_test_points_per_class": 3},
    "reduced_downstream": {"num_test": 6},
    "strong_downstream": {"num_train": (2, 7), "num_test": 6},
    "udr": {"num_points": 12},
}

numbers = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 2.0]),
    st.floats(-3, 3, width=32),
    st.sampled_from([1e-300, 1e-12, 1e3, 1e6, 1e30, 3e38, 1e99, 1e150, 1e308, np.nan, np.inf, -np.inf]),
)
tame = st.one_of(st.sampled_from([0.0, 1.0, 2.0]), st.floats(-3, 3, width=16))


@st.composite
def matrices(draw: st.DrawFn, rows: int, values: st.SearchStrategy[float]) -> np.ndarray:
    """Matrices (rows, 0 to 3): of any type of numbers, with repeated rows, constant and repeated columns."""
    columns = draw(st.integers(0 if draw(st.booleans()) else 1, 3))
    matrix = np.array([[draw(values) for _ in range(columns)] for _ in range(rows)], dtype=np.float64)
    matrix = matrix.reshape(rows, columns)
    change = draw(st.sampled_from(["none", "none", "constant", "repeat column", "repeat rows", "transpose"]))
    if columns and change == "constant":
        matrix[:, 0] = matrix[0, 0]
    if columns and change == "repeat column":
        matrix = np.concatenate([matrix, matrix[:, :1]], axis=1)
    if change == "repeat rows":
        matrix = np.repeat(matrix[:1], rows, axis=0)
    if change == "transpose":
        matrix = matrix.T
    kind = draw(st.sampled_from([np.float64, np.float64, np.float32, np.int64, np.int8, np.bool_]))
    with np.errstate(all="ignore"):
        return matrix.astype(kind) if kind in (np.float64, np.float32) or np.isfinite(matrix).all() else matrix


def check(call: Callable[[], dict[str, float]]) -> None:
    """Finite numbers that JSON can hold, or a ValueError raised by this package."""
    try:
        scores = call()
    except ValueError as error:
        if "disbench" not in traceback.extract_tb(error.__traceback__)[-1].filename:
            raise
        return
    assert scores
    json.dumps(scores, allow_nan=False)
    assert all(type(value) is float for value in scores.values())


def fuzz_points(data: st.DataObject, metric: str) -> None:
    rows = data.draw(st.integers(1, 10))
    hostile = data.draw(st.booleans())
    codes = data.draw(matrices(rows, numbers if hostile else tame))
    classes = st.integers(0, data.draw(st.integers(0, 3))).map(float)
    factors = data.draw(matrices(rows, data.draw(st.sampled_from([classes, classes, classes, numbers]))))
    options = dict(SMALL.get(metric, {}))
    if metric == "sap":
        options["continuous_factors"] = data.draw(st.booleans())
    before = codes.copy(), factors.copy()
    check(lambda: disbench.score(metric, codes, factors, **options))
    np.testing.assert_array_equal(codes, before[0])
    np.testing.assert_array_equal(factors, before[1])


def fuzz_tables(data: st.DataObject, metric: str) -> None:
    sizes = tuple(data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)))
    names = ("a", "b", "c")[: len(sizes)]
    space = FactorSpace(names, sizes, names[-1:] if len(sizes) == 3 and data.draw(st.booleans()) else ())
    values = data.draw(st.sampled_from([tame, tame, numbers]))
    num_latents = data.draw(st.integers(1, 3))
    rows = st.lists(values, min_size=space.num_states * num_latents, max_size=space.num_states * num_latents)

    def one_table() -> RepresentationTable:
        shape, dtype = (space.num_states, num_latents), data.draw(st.sampled_from([np.float32, np.float64]))
        with np.errstate(all="ignore"):
            codes, log_variance = (np.reshape(data.draw(rows), shape).astype(dtype) for _ in range(2))
        kind = data.draw(st.sampled_from(["mean", "mean", "sampled"]))
        # An encoder's logarithms are clipped, or its samples overflow long before they reach a metric.
        return RepresentationTable(space, codes, np.clip(log_variance, -30, 10), kind)

    def call() -> dict[str, float]:
        if metric == "udr":
            tables = [one_table() for _ in range(data.draw(st.integers(1, 3)))]
            options = {"correlation": data.draw(st.sampled_from(["lasso", "spearman"])), **DRAWN["udr"]}
            return udr(tables, np.random.default_rng(0), **options)
        return disbench.evaluate(metric, one_table(), **{**SMALL.get(metric, {}), **DRAWN.get(metric, {})})

    check(call)


RELAXED = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=30, **RELAXED)
@given(data=st.data())
def test_points(metric, data):
    fuzz_points(data, metric)


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=20, **RELAXED)
@given(data=st.data())
def test_tables(metric, data):
    fuzz_tables(data, metric)


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=500, **RELAXED)
@given(data=st.data())
def test_many_points(metric, data):
    fuzz_points(data, metric)


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=500, **RELAXED)
@given(data=st.data())
def test_many_tables(metric, data):
    fuzz_tables(data, metric)
