"""Small hostile arrays: a metric returns finite numbers or says in words of its own what is wrong."""

import json
import traceback
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import disbench

METRICS = ["beta_vae", "factor_vae", "irs", "mce", "mig", "sap", "unsupervised"]
SMALL: dict[str, dict[str, Any]] = {
    "beta_vae": {"num_train": 12, "num_eval": 6, "batch_size": 3},
    "factor_vae": {"num_train": 12, "num_eval": 6, "batch_size": 3},
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


def check(metric: str, codes: np.ndarray, factors: np.ndarray, options: dict[str, Any]) -> None:
    """Finite numbers that JSON can hold, or a ValueError raised by this package."""
    try:
        scores = disbench.score(metric, codes, factors, **options)
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
    check(metric, codes, factors, options)
    np.testing.assert_array_equal(codes, before[0])
    np.testing.assert_array_equal(factors, before[1])


RELAXED = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=30, **RELAXED)
@given(data=st.data())
def test_points(metric, data):
    fuzz_points(data, metric)


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=500, **RELAXED)
@given(data=st.data())
def test_many_points(metric, data):
    fuzz_points(data, metric)
