"""Dependence among latents, measured without factors."""

import numpy as np
from numpy.typing import NDArray

from disbench.metrics._checks import require_latents
from disbench.metrics._information import discretize, mutual_information
from disbench.metrics._options import NumBins, NumPoints
from disbench.metrics._scale import as_float64
from disbench.table import Table

Floats = NDArray[np.float64]


def unsupervised(
    table: Table, rng: np.random.Generator, *, num_train: NumPoints = 10_000, num_bins: NumBins = 20
) -> dict[str, float]:
    """Dependence among the latents: total correlation, Wasserstein correlation and mutual information.

    With C the covariance of the codes: the total correlation of a Gaussian with this covariance,
    `(sum log C_ii - log det C) / 2`; its squared 2-Wasserstein distance to the Gaussian with independent latents,
    `2 tr C - 2 tr sqrt(C diag C)`, also divided by `tr C`; and the mean mutual information of pairs of latents, in
    bins. A latent that is constant is independent of all others and contributes nothing to the first three.

    Parameters
    ----------
    num_train
        Points drawn.
    num_bins
        Bins of equal width over the range of each latent, for the mutual information.

    Returns
    -------
    dict
        `gaussian_total_correlation` in nats, `gaussian_wasserstein_correlation`,
        `gaussian_wasserstein_correlation_norm` and `mutual_info_score` in nats, all at least 0 and 0 for independent
        latents. Latents that determine each other linearly have infinite total correlation; the numbers then end at
        about 18 nats for each such latent, where double precision does. Of constant codes everything is 0.

    Raises
    ------
    ValueError
        With fewer than two latents.

    Notes
    -----
    The reference's `unsupervised_metrics`, which reports NaN where a latent is constant. Used in Locatello et al.,
    "Challenging common assumptions in the unsupervised learning of disentangled representations", ICML 2019, section
    5.2.
    """
    require_latents(table, 2, "unsupervised")
    codes, _ = table.sample(num_train, rng)
    active = as_float64(codes)[:, np.ptp(codes, axis=0) > 0]
    covariance = np.atleast_2d(np.cov(active, rowvar=False))
    varies = np.diag(covariance) > np.finfo(np.float64).tiny  # The variance of tiny differences is 0.
    covariance = covariance[varies][:, varies]
    distance = gaussian_wasserstein_correlation(covariance)
    trace = float(np.trace(covariance))
    bins = discretize(codes, num_bins)
    information = mutual_information(bins, bins)
    num_latents = len(information)
    return {
        "gaussian_total_correlation": gaussian_total_correlation(covariance),
        "gaussian_wasserstein_correlation": distance,
        "gaussian_wasserstein_correlation_norm": distance / trace if trace > 0 else 0.0,
        "mutual_info_score": float((information.sum() - np.trace(information)) / (num_latents**2 - num_latents)),
    }


def gaussian_total_correlation(covariance: Floats) -> float:
    """Total correlation, in nats, of a Gaussian with a covariance (d, d) whose diagonal is positive."""
    scale = np.sqrt(np.diag(covariance))
    eigenvalues = np.linalg.eigvalsh(covariance / scale / scale[:, None])
    return max(0.0, float(-0.5 * np.log(np.maximum(eigenvalues, np.finfo(np.float64).eps)).sum()))


def gaussian_wasserstein_correlation(covariance: Floats) -> float:
    """Squared 2-Wasserstein distance of a Gaussian with a covariance (d, d) to the one with its diagonal."""
    trace = np.trace(covariance)
    relative = covariance / trace if trace > 0 else covariance  # Products of large variances would overflow.
    scale = np.sqrt(np.diag(relative))
    # C diag(C) has the eigenvalues of the symmetric matrix with the factors shared between both sides.
    eigenvalues = np.linalg.eigvalsh(relative * scale * scale[:, None])
    distance = 2 * np.trace(relative) - 2 * np.sqrt(np.maximum(eigenvalues, 0.0)).sum()
    return max(0.0, float(distance * trace))
