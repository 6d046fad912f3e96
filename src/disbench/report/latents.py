"""What each latent of a run carries."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.metrics._information import discretize, entropy, mutual_information
from disbench.table import FloatArray, RepresentationTable

DEAD_NATS = 0.01
"""KL divergence up to which a latent says nothing about the image, as in the scores of training."""

_NUM_BINS = 20
_NUM_POINTS = 10_000
_PRIOR_RANGE = 2.0  # standard deviations of the prior to show of a latent that the data do not move


@dataclass(frozen=True)
class Latent:
    """One latent.

    Parameters
    ----------
    index
        Its column in the codes.
    kl
        Mean KL divergence of its posterior from the prior, in nats.
    low, high
        Range of its codes over the data set; of a dead latent, two standard deviations of the prior.
    factor
        The factor about which it tells most; None if it tells nothing.
    share
        How much of the entropy of that factor it tells, in [0, 1].
    """

    index: int
    kl: float
    low: float
    high: float
    factor: str | None
    share: float

    @property
    def dead(self) -> bool:
        """Whether it says nothing about the image."""
        return self.kl <= DEAD_NATS


def describe_latents(table: RepresentationTable, information: NDArray[np.float64]) -> list[Latent]:
    """Latents in the order of their KL divergence, the largest first.

    Parameters
    ----------
    table
        Codes of all states, with log-variances.
    information
        (num_latents, num_factors), shares of the factors' entropies.
    """
    kl = kl_divergences(table)
    low, high = table.mean.min(axis=0), table.mean.max(axis=0)
    best = information.argmax(axis=1)
    latents = []
    for index in np.argsort(-kl, kind="stable"):
        dead, share = kl[index] <= DEAD_NATS, float(information[index, best[index]])
        bounds = (-_PRIOR_RANGE, _PRIOR_RANGE) if dead else (float(low[index]), float(high[index]))
        factor = table.space.factor_names[best[index]] if share > 0 and not dead else None
        latents.append(Latent(int(index), float(kl[index]), *bounds, factor, share))
    return latents


def kl_divergences(table: RepresentationTable) -> NDArray[np.float64]:
    """Mean KL divergence (num_latents,) of the posteriors of a table from a standard normal, in nats."""
    if table.log_variance is None:
        raise ValueError("expected a table with log-variances, as `postprocess` writes it; this one has none")
    divergence = np.square(table.mean) + np.exp(table.log_variance) - table.log_variance - 1
    return np.asarray(0.5 * divergence.mean(axis=0, dtype=np.float64))


def information_shares(codes: FloatArray, factors: IntArray) -> NDArray[np.float64]:
    """Mutual information (num_latents, num_factors) of binned codes and factors, over the factor's entropy.

    0 for a factor with a single value, which has none.
    """
    information = mutual_information(discretize(codes, _NUM_BINS), factors)
    entropies = entropy(factors)
    return np.asarray(np.divide(information, entropies, out=np.zeros_like(information), where=entropies > 0))


def table_shares(table: RepresentationTable, rng: np.random.Generator) -> NDArray[np.float64]:
    """Information shares of random states of a table."""
    codes, factors = table.sample(_NUM_POINTS, rng)
    return information_shares(codes, factors)
