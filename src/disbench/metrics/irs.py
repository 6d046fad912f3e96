"""Interventional robustness score."""

from typing import Annotated

import numpy as np
from annotated_types import Gt, Le
from numpy.typing import NDArray

from disbench.metrics._checks import require_factors, varying_factors
from disbench.metrics._information import discretize
from disbench.metrics._options import Compat, NumBins, NumPoints
from disbench.metrics._scale import require_range
from disbench.table import FloatArray, Table

Floats = NDArray[np.float64]


def irs(
    table: Table,
    rng: np.random.Generator,
    *,
    num_train: NumPoints = 10_000,
    num_bins: NumBins = 20,
    diff_quantile: Annotated[float, Gt(0), Le(1)] = 0.99,
    compat: Compat = "disbench",
) -> dict[str, float]:
    """Interventional robustness score: how little a latent moves while the factor that it encodes stays the same.

    For latent d and factor f, among the points with each value of f take a high quantile of the distance of z_d from
    its mean there; `R[d, f]` is 1 minus the mean of these over the values, relative to the largest distance of z_d from
    its mean over all points. A latent scores its largest entry; the score is the mean over latents, weighted by their
    largest distance. Constant latents, and factors with a single value among the points, are left out.

    Parameters
    ----------
    num_train
        Points drawn.
    num_bins
        Bins of equal width over the range of each factor; factors with more values are merged. Factors may be
        continuous.
    diff_quantile
        Quantile of the distances within a value; 1 for the maximum, as in the paper. The denominator is the maximum
        either way, so smaller quantiles give higher scores.
    compat
        `reference`: `num_active_dims` is what the reference reports under this name, the sum of all codes of the
        latents that vary.

    Returns
    -------
    dict
        `IRS`, at most 1, which it is if each latent is determined by one factor; 0 for constant codes; it can fall a
        little below 0. `num_active_dims`, the number of latents that vary.

    Raises
    ------
    ValueError
        If no factor varies, or if squares of codes overflow.

    Notes
    -----
    Suter et al., "Robustly disentangled causal mechanisms", ICML 2019, section 4. The reference's `irs`.
    """
    codes, factors = table.sample(num_train, rng)
    require_range(codes)
    factors = factors[:, varying_factors(factors)]
    require_factors(np.arange(factors.shape[1]), 1, "irs")
    # The reference averages along contiguous latents; in single precision the order of a sum shows.
    active = np.asfortranarray(codes[:, np.ptp(codes, axis=0) > 0])
    num_active = float(active.sum()) if compat == "reference" else float(active.shape[1])
    if not active.shape[1]:
        return {"IRS": 0.0, "num_active_dims": num_active}
    matrix, deviations = robustness(active, discretize(factors, num_bins), diff_quantile)
    return {"IRS": float(np.average(matrix.max(axis=1), weights=deviations)), "num_active_dims": num_active}


def robustness(codes: FloatArray, factors: NDArray[np.int64], diff_quantile: float) -> tuple[Floats, Floats]:
    """Robustness (num_latents, num_factors) of latents to all but one factor, and their largest deviations.

    Codes (n, num_latents), none of them constant; factors (n, num_factors), class numbers.
    """
    largest = np.abs(codes - codes.mean(axis=0)).max(axis=0)
    matrix = np.empty((codes.shape[1], factors.shape[1]))
    for index, column in enumerate(factors.T):
        values = np.unique(column)
        total = np.zeros(codes.shape[1])
        for value in values:
            group = codes[column == value]
            # Quantiles in double precision: NumPy 2 rounds the quantile itself to the precision of the distances.
            distances = np.abs(group - group.mean(axis=0)).astype(np.float64)
            total += np.percentile(distances, diff_quantile * 100, axis=0)
        matrix[:, index] = 1.0 - total / len(values) / largest
    return matrix, largest.astype(np.float64)
