"""Points that share the value of one factor, as the beta-VAE and FactorVAE scores draw them."""

from collections.abc import Iterator

import numpy as np

from disbench.factors import IntArray
from disbench.metrics._checks import require_factors
from disbench.table import LabelledCodes, Table

_CHUNK = 100_000


def draw_factors(table: Table, num: int, metric: str, rng: np.random.Generator) -> IntArray:
    """Draw factors (num,), uniformly over those with more than one value; to fix any other fixes nothing."""
    varying = np.flatnonzero(np.asarray(table.factor_sizes) > 1)
    require_factors(varying, 2, metric)
    return np.asarray(varying[rng.integers(len(varying), size=num)], dtype=np.int64)


def chunks(num: int, batch_size: int) -> Iterator[slice]:
    """Slices of `num` batches that hold about 100,000 points each, which bounds the memory of a look-up."""
    step = max(1, _CHUNK // batch_size)
    for start in range(0, num, step):
        yield slice(start, min(start + step, num))


def require_repeats(table: Table, metric: str) -> None:
    """Raise if a factor never takes a value twice, so that no two points share it."""
    if not isinstance(table, LabelledCodes):
        return
    num = len(table.train_codes)
    for index, size in enumerate(table.factor_sizes):
        if size == num > 1:
            raise ValueError(
                f"{metric} needs points that share the value of a factor; all {num} values of factor {index} differ. "
                f"If it is continuous, bin it with np.digitize first"
            )
