"""Arrays of any kind, order, shape and class for `disbench.score`: finite scores, or a word on what is wrong."""

import traceback
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fuzz.mutate import HOSTILE_NUMBERS, fuzz, hostile_values

import disbench
from disbench import catalogue

# The others share what takes arrays in, and take long: `tests/metrics/test_fuzz.py` has all of them.
METRICS = ("mig", "sap", "dci", "mce", "irs", "unsupervised")
KINDS = ["f8", "f4", "f2", ">f8", ">f4", "longdouble", "i1", "i8", ">i4", "u1", "u8", "?", "c8", "S3", "U3", "M8[s]",
         "m8[s]", "O", "V4", [("a", "f8"), ("b", "i4")]]  # fmt: skip
VALUES = [0.0, 1.0, -1.0, 2.5, 255.0, 1e30, 1e300, 2.0**63, np.nan, np.inf, -np.inf, 5e-324]


def of_kind(kind: Any, values: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        if kind == "longdouble":
            return values.astype(np.longdouble) * np.longdouble("1e300")
        if kind == "O":
            objects = np.empty(values.shape, object)
            for place, value in np.ndenumerate(values):
                objects[place] = int(value) if np.isfinite(value) else str(value)
            return objects
        try:
            return values.astype(kind)
        except (TypeError, ValueError):
            return np.zeros(values.shape, kind)


@st.composite
def arrays(draw: st.DrawFn, rows: int) -> Any:
    """Mostly (rows, 0 to 3), of any kind; now and then one in another layout, or no array at all."""
    if draw(st.integers(0, 9)) == 0:
        return draw(hostile_values())
    columns = draw(st.integers(0, 3))
    few = draw(st.lists(st.sampled_from(VALUES[: draw(st.sampled_from([1, 3, 3, 3, len(VALUES)]))]), min_size=1))
    values = np.resize(np.array(few), (rows, columns))
    if draw(st.booleans()):
        values = np.random.default_rng(draw(st.integers(0, 9))).permuted(values, axis=0)
    array = of_kind(draw(st.sampled_from(KINDS[:11] if draw(st.booleans()) else KINDS)), values)
    layout = draw(
        st.sampled_from(["C", "C", "F", "reversed", "strided", "broadcast", "list", "frame", "masked", "shape"])
    )
    if layout == "F":
        array = np.asfortranarray(array)
    elif layout == "reversed":
        array = array[::-1, ::-1]
    elif layout == "strided":
        array = np.repeat(np.repeat(array, 2, axis=0), 2, axis=1)[::2, ::2]
    elif layout == "broadcast":
        return np.broadcast_to(array[:1], array.shape)
    elif layout == "list":
        return array.tolist()
    elif layout == "frame":
        return pd.DataFrame(array.tolist())
    elif layout == "masked":
        return np.ma.masked_equal(array, array.ravel()[0]) if array.size and array.dtype.kind in "fiu" else array
    elif layout == "shape":
        return array.reshape(draw(st.sampled_from([(-1,), (1, *array.shape), (*array.shape, 1), array.shape[::-1]])))
    return array


seeds = st.integers(0, 3) | st.sampled_from([number for number in HOSTILE_NUMBERS if isinstance(number, int)])
fractions = st.none() | st.sampled_from([0.5, 0.9, 0.0, 1.0, -1.0, 1e-300, 2.0, np.nan, np.inf])


@pytest.mark.parametrize("metric", METRICS)
@fuzz
@given(data=st.data())
def test_any_arrays(metric: str, data: st.DataObject) -> None:
    rows = data.draw(st.integers(0, 12))
    given = {"codes": data.draw(arrays(rows)), "factors": data.draw(arrays(rows))}
    if data.draw(st.integers(0, 3)) == 0:
        given |= {"codes_test": data.draw(arrays(rows)), "factors_test": data.draw(arrays(rows))}
    settings = {"train_fraction": data.draw(fractions), "seed": data.draw(seeds)}
    try:
        scores = disbench.score(metric, **given, **settings)
    except ValueError as error:
        assert "disbench" in traceback.extract_tb(error.__traceback__)[-1].filename, error  # noqa: PT017
    else:
        assert scores
        assert all(type(value) is float and np.isfinite(value) for value in scores.values())


@pytest.mark.parametrize("metric", METRICS)
@fuzz
@given(data=st.data())
def test_any_options(metric: str, data: st.DataObject) -> None:
    known = list(catalogue.options(catalogue.find("metrics", metric)).model_fields)
    names = st.sampled_from(known) if known else st.nothing()
    options = data.draw(st.dictionaries(names | st.text(max_size=5), hostile_values(), max_size=3))
    options = {name: value for name, value in options.items() if name not in ("codes", "factors", "metric", "seed")}
    codes = np.random.default_rng(0).normal(size=(40, 2))
    try:
        disbench.score(metric, codes, (codes[:, :1] > 0).astype(int), **options)
    except ValueError as error:
        assert "disbench" in traceback.extract_tb(error.__traceback__)[-1].filename, error  # noqa: PT017
