"""Mutual information gap."""

import numpy as np
from numpy.typing import NDArray

from disbench.metrics._checks import class_indices, require_factors, require_latents, varying_factors
from disbench.metrics._information import discretize, entropy, mutual_information
from disbench.metrics._options import NumBins, NumPoints
from disbench.table import Table


def mig(
    table: Table, rng: np.random.Generator, *, num_train: NumPoints = 10_000, num_bins: NumBins = 20
) -> dict[str, float]:
    """Mutual information gap: how much more the best latent tells about a factor than the second best.

    The gap of a factor is `(I_1 - I_2) / H`, where `I_1` and `I_2` are the largest mutual informations between the
    factor and a latent, and `H` is the entropy of the factor; the score is the mean over factors. A factor with a
    single value among the points has no entropy and is left out.

    Parameters
    ----------
    num_train
        Points drawn.
    num_bins
        Bins of equal width over the range of each latent.

    Returns
    -------
    dict
        `discrete_mig` in [0, 1]; 1 if one latent determines each factor and no other latent tells anything about it.

    Raises
    ------
    ValueError
        With fewer than two latents, if no factor varies, or if a factor is continuous.

    Notes
    -----
    Chen et al., "Isolating sources of disentanglement in VAEs", NeurIPS 2018, section 4.1. Equal to the reference's
    `mig`, which divides zero by zero for a factor with a single value.
    """
    require_latents(table, 2, "mig")
    codes, factors = table.sample(num_train, rng)
    (factors,) = class_indices("mig", factors)
    varying = varying_factors(factors)
    require_factors(varying, 1, "mig")
    factors = factors[:, varying]
    gaps = information_gaps(mutual_information(discretize(codes, num_bins), factors), entropy(factors))
    return {"discrete_mig": float(gaps.mean())}


def information_gaps(information: NDArray[np.float64], entropies: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaps (num_factors,) of mutual informations (num_latents, num_factors) and entropies (num_factors,)."""
    ordered = np.sort(information, axis=0)
    return np.asarray((ordered[-1] - ordered[-2]) / entropies)
