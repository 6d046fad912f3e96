"""Plug-in entropy and mutual information of discretised codes, in nats."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.table import FloatArray


def discretize(values: NDArray[Any], num_bins: int) -> IntArray:
    """Bins (n, d), 0 to num_bins - 1, of values (n, d): each column in bins of equal width over its own range.

    The edges have the precision of the values, like those of `np.histogram`. A constant column falls in one bin.
    """
    bins = np.empty(values.shape, dtype=np.int64)
    for index, column in enumerate(values.T):
        bins[:, index] = np.searchsorted(_edges(column, num_bins), column, side="right") - 1
    return bins


def _edges(column: NDArray[Any], num_bins: int) -> FloatArray:
    """Lower edges of the bins."""
    low, high = column.min(), column.max()
    dtype = column.dtype if column.dtype.kind == "f" else np.dtype(np.float64)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, num_bins + 1, dtype=dtype)[:-1]


def mutual_information(first: IntArray, second: IntArray) -> NDArray[np.float64]:
    """Mutual information (a, b) between the columns of two arrays of class numbers, (n, a) and (n, b)."""
    information = np.empty((first.shape[1], second.shape[1]))
    for column, values in enumerate(second.T):
        num_values = int(values.max()) + 1
        for row, classes in enumerate(first.T):
            num_classes = int(classes.max()) + 1
            counts = np.bincount(classes * num_values + values, minlength=num_classes * num_values)
            information[row, column] = _information_of_counts(counts.reshape(num_classes, num_values))
    return information


def entropy(classes: IntArray) -> NDArray[np.float64]:
    """Entropy (d,) of the columns of class numbers (n, d)."""
    return np.array([_entropy_of_counts(np.bincount(column)) for column in classes.T])


def _entropy_of_counts(counts: IntArray) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _information_of_counts(counts: IntArray) -> float:
    total = counts.sum()
    rows, columns = counts.nonzero()
    joint = counts[rows, columns] / total
    independent = (counts.sum(axis=1)[rows] / total) * (counts.sum(axis=0)[columns] / total)
    # Rounding can leave a tiny negative number where the information is zero.
    return max(0.0, float((joint * np.log(joint / independent)).sum()))
