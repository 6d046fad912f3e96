"""What is drawn: a model, its images and their codes, and what several pictures share, each computed once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from disbench.factors import IntArray
from disbench.metrics._information import discretize, mutual_information
from disbench.metrics.dci import importance_matrix
from disbench.metrics.sap import svm_accuracies
from disbench.metrics.unified_scores import points
from disbench.pictures.model import Floats, Model, observed
from disbench.seeds import derive_rng
from disbench.storage import ImageStore
from disbench.table import RepresentationTable, TrainTest

Matrix = NDArray[np.float64]

ACTIVE_NATS = 0.01  # of KL divergence; a latent below says nothing about the image
NUM_TREE_POINTS = 2_500
_NUM_BINS = 20


@dataclass(frozen=True, eq=False)
class Subject:
    """A model with the data set that it was trained on and the table of their codes.

    Parameters
    ----------
    model
        Encoder and decoder.
    store
        The images.
    table
        The codes of all states, with their log-variances.
    seed
        Of everything that is drawn.
    num_points
        Points from which matrices are estimated; half as many test. Trees see at most `NUM_TREE_POINTS` of them.

    Raises
    ------
    ValueError
        If the three do not belong together, or the table has no log-variances.
    """

    model: Model
    store: ImageStore
    table: RepresentationTable
    seed: int = 0
    num_points: int = 10_000

    def __post_init__(self) -> None:
        if self.table.num_latents != self.model.num_latents:
            raise ValueError(
                f"expected codes of the model's {self.model.num_latents} latents; got {self.table.num_latents}; "
                "encode with this model first: `disbench postprocess`"
            )
        if self.table.space.factor_names != self.store.space.factor_names:
            raise ValueError(
                f"expected codes of the factors {self.store.space.factor_names!r}; "
                f"got {self.table.space.factor_names!r}; encode this data set first: `disbench postprocess`"
            )
        if self.table.log_variance is None:
            raise ValueError("expected a table with log-variances; encode with `disbench postprocess`")

    def images(self, num: int) -> Floats:
        """Images (num, height, width, channels) of states drawn at random, as the model sees them."""
        rows = self.store.space.sample(num, derive_rng(self.seed, "pictures/images"))
        return observed(self.store, rows, self.seed)

    @cached_property
    def kl(self) -> Matrix:
        """KL divergence (num_latents,) of the posterior from the prior, in nats, averaged over all states."""
        mean, log_variance = self.table.mean.astype(np.float64), self._log_variance.astype(np.float64)
        return np.asarray(0.5 * (mean**2 + np.exp(log_variance) - log_variance - 1).mean(axis=0))

    @cached_property
    def center(self) -> Matrix:
        """Mean (num_latents,) of the codes."""
        return np.asarray(self.table.mean.mean(axis=0, dtype=np.float64))

    @cached_property
    def spread(self) -> Matrix:
        """Standard deviation (num_latents,) of codes drawn from the posterior of a state drawn at random."""
        within = np.exp(self._log_variance.astype(np.float64)).mean(axis=0)
        return np.asarray(np.sqrt(self.table.mean.var(axis=0, dtype=np.float64) + within))

    @cached_property
    def by_kl(self) -> IntArray:
        """Latents (num_latents,), the one with the most nats first."""
        return np.argsort(-self.kl, kind="stable")

    @cached_property
    def by_factor(self) -> IntArray:
        """Latents (num_latents,) in the order of the factor that each tells most about; last those that tell nothing.

        Those of one factor stand in the order of how much they tell.
        """
        dead = self.kl < ACTIVE_NATS
        return np.lexsort((-self.information.max(axis=1), self.matched, dead))

    @cached_property
    def matched(self) -> IntArray:
        """Index (num_latents,), among `factor_names`, of the factor that each latent tells most about."""
        return np.asarray(self.information.argmax(axis=1), dtype=np.int64)

    @property
    def factor_names(self) -> tuple[str, ...]:
        """Names of the factors that vary among the points."""
        return tuple(self.table.space.factor_names[index] for index in self._points[1])

    @property
    def points(self) -> TrainTest:
        """Codes (n, num_latents) and factors (n, number of `factor_names`), to train and to test."""
        return self._points[0]

    @cached_property
    def information(self) -> Matrix:
        """Mutual information (num_latents, number of factors) in nats, as MIG has it."""
        return mutual_information(discretize(self.points.train_codes, _NUM_BINS), self.points.train_factors)

    @cached_property
    def importance(self) -> Matrix:
        """Importance (num_latents, number of factors) for boosted trees, as DCI has it."""
        fewer = TrainTest(*(values[:NUM_TREE_POINTS] for values in self.points))
        return importance_matrix(fewer, "disbench")[0]

    @cached_property
    def accuracy(self) -> Matrix:
        """Accuracy (num_latents, number of factors) of one latent's support vector machine, as SAP has it."""
        return svm_accuracies(*self.points)

    def latent_title(self, latent: int) -> str:
        """Name of a latent, its KL divergence, and the factor that it tells most about."""
        if self.kl[latent] < ACTIVE_NATS:
            return f"z{latent}   {self.kl[latent]:.2f} nats\ninactive"
        return f"z{latent}   {self.kl[latent]:.2f} nats\n{self.factor_names[self.matched[latent]]}"

    @cached_property
    def _points(self) -> tuple[TrainTest, IntArray]:
        rng = derive_rng(self.seed, "pictures/points")
        return points(self.table, rng, self.num_points, self.num_points // 2, "visualize")

    @property
    def _log_variance(self) -> NDArray[np.floating]:
        assert self.table.log_variance is not None  # noqa: S101 - checked above
        return self.table.log_variance
