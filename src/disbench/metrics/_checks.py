"""What a metric needs of codes and factors, checked where they enter."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.table import Table, TrainTest


def require_latents(table: Table, num: int, metric: str) -> None:
    """Raise if the codes have fewer latents than a metric compares."""
    if table.num_latents < num:
        raise ValueError(
            f"{metric} compares latents with each other and needs at least {num}; got {table.num_latents}. "
            f"Codes have shape (n, num_latents)"
        )


def require_factors(varying: IntArray, num: int, metric: str) -> None:
    """Raise if fewer factors vary than a metric compares."""
    if len(varying) < num:
        raise ValueError(
            f"{metric} needs at least {num} factor{'s' * (num > 1)} with two or more values among the points; "
            f"got {len(varying)}"
        )


def varying_factors(factors: NDArray[Any]) -> IntArray:
    """Find which factors (n, num_factors) take more than one value; the others say nothing about codes."""
    return np.flatnonzero((factors != factors[:1]).any(axis=0))


def class_indices(metric: str, *factors: NDArray[Any]) -> tuple[IntArray, ...]:
    """Factors (n, num_factors) as class numbers, 0 to k - 1 for each factor, the same for all arrays given.

    Raises
    ------
    ValueError
        If a factor is continuous: floats that are not whole numbers.
    """
    columns = []
    for index, column in enumerate(np.concatenate(factors).T):
        if column.dtype.kind == "f" and not np.equal(np.round(column), column).all():
            raise ValueError(
                f"{metric} is defined for discrete factors; factor {index} has values that are not whole numbers, "
                f"such as {float(column[np.round(column) != column][0])!r}. If it is discrete, number its values with "
                f"np.unique(values, return_inverse=True)[1]; if it is continuous, bin it with np.digitize first"
            )
        columns.append(np.unique(column, return_inverse=True)[1])
    stacked = np.stack(columns, axis=1).astype(np.int64)
    return tuple(np.split(stacked, np.cumsum([len(array) for array in factors])[:-1]))


def discrete(metric: str, data: TrainTest) -> TrainTest:
    """Replace the values of discrete factors by class numbers."""
    train, test = class_indices(metric, data.train_factors, data.test_factors)
    return TrainTest(data.train_codes, train, data.test_codes, test)
