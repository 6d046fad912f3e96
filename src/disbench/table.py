"""Codes with their factors, looked up by every metric: of all states of a grid, or of a user's own points."""

from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from disbench.factors import FactorSpace, IntArray

FloatArray = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class RepresentationTable:
    """Posterior of every state of a grid; row r of the arrays belongs to row r of the space.

    Parameters
    ----------
    space
        The grid of factors.
    mean, log_variance
        Posterior (num_states, num_latents), diagonal Gaussian, natural logarithm. `log_variance` may be None if
        only codes are known.
    kind
        `mean`: the code of a state is its posterior mean. `sampled`: it is drawn from the posterior at each look-up.
    """

    space: FactorSpace
    mean: FloatArray
    log_variance: FloatArray | None = None
    kind: Literal["mean", "sampled"] = "mean"

    def __post_init__(self) -> None:
        if self.kind not in ("mean", "sampled"):
            raise ValueError(f"expected kind 'mean' or 'sampled'; got {self.kind!r}")
        if self.kind == "sampled" and self.log_variance is None:
            raise ValueError("a 'sampled' representation needs log_variance; got None")
        for name, values in (("mean", self.mean), ("log_variance", self.log_variance)):
            if values is not None:
                self._check(name, values)
        if self.log_variance is not None and self.log_variance.shape != self.mean.shape:
            raise ValueError(f"mean has shape {self.mean.shape}, log_variance has {self.log_variance.shape}")

    def _check(self, name: str, values: FloatArray) -> None:
        if values.ndim != 2 or len(values) != self.space.num_states:
            raise ValueError(
                f"expected {name} of shape ({self.space.num_states}, num_latents), one row for each state of the grid "
                f"{dict(zip(self.space.names, self.space.sizes, strict=True))}; got shape {values.shape}"
            )
        if not np.isfinite(values).all():
            raise ValueError(f"expected finite values in {name}; got NaN or infinity")

    @classmethod
    def from_codes(cls, space: FactorSpace, codes: ArrayLike) -> Self:
        """Table of anybody's codes (num_states, num_latents), one row for each state of the grid in C order."""
        codes = np.asarray(codes)
        if codes.dtype.kind not in "fiub":
            raise ValueError(f"expected numeric codes; got {codes.dtype}")
        return cls(space, codes if codes.dtype.kind == "f" else codes.astype(np.float64))

    def sampled(self) -> Self:
        """The same table, with codes drawn from the posterior at each look-up."""
        return replace(self, kind="sampled")

    @property
    def num_latents(self) -> int:
        """Number of latents of a code."""
        return int(self.mean.shape[1])

    @property
    def num_factors(self) -> int:
        """Number of ground-truth factors."""
        return self.space.num_factors

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """Number of values of each ground-truth factor."""
        return self.space.factor_sizes

    def codes(self, rows: IntArray, rng: np.random.Generator) -> FloatArray:
        """Codes (..., num_latents) of rows (...); the generator is used by the `sampled` kind only."""
        mean = self.mean[rows]
        if self.kind == "mean" or self.log_variance is None:
            return mean
        noise = rng.standard_normal(mean.shape, dtype=np.float32)
        return np.asarray(mean + np.exp(0.5 * self.log_variance[rows]) * noise)

    def factors(self, rows: IntArray) -> IntArray:
        """Factors (..., num_factors) of rows (...)."""
        return self.space.factors(rows)

    def draw(self, shape: int | tuple[int, ...], rng: np.random.Generator) -> IntArray:
        """Rows of the given shape, drawn uniformly with replacement."""
        return self.space.sample(shape, rng)

    def redraw_others(self, rows: IntArray, factor: ArrayLike, rng: np.random.Generator) -> IntArray:
        """Rows that share the value of one factor with the rows given; everything else is drawn anew."""
        return self.space.redraw_others(rows, factor, rng)

    def intervene(self, rows: IntArray, factor: int, values: ArrayLike) -> IntArray:
        """Rows that differ from the rows given in the value of one factor only: one value for all, or one for each."""
        states = self.space.states(rows)
        states[..., self.space.names.index(self.space.factor_names[factor])] = values
        return self.space.rows(states)

    def sample(self, num: int, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
        """Codes (num, num_latents) and factors (num, num_factors) of rows drawn uniformly with replacement."""
        rows = self.draw(num, rng)
        return self.codes(rows, rng), self.factors(rows)

    def train_test(self, num_train: int, num_test: int, rng: np.random.Generator) -> "TrainTest":
        """Two independent samples, the training points first."""
        return TrainTest(*self.sample(num_train, rng), *self.sample(num_test, rng))


@dataclass(frozen=True, eq=False)
class LabelledCodes:
    """A user's own points: the look-ups of a table, answered from the points given.

    Parameters
    ----------
    train_codes, train_factors
        (num, num_latents) and (num, num_factors). Every row is one point.
    test_codes, test_factors
        Likewise; the training points again if a user has no others.
    """

    train_codes: FloatArray
    train_factors: NDArray[Any]
    test_codes: FloatArray
    test_factors: NDArray[Any]

    @property
    def num_latents(self) -> int:
        """Number of latents of a code."""
        return int(self.train_codes.shape[1])

    @property
    def num_factors(self) -> int:
        """Number of factors of a point."""
        return int(self.train_factors.shape[1])

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """Number of values of each factor among the training points."""
        return tuple(len(np.unique(column)) for column in self.train_factors.T)

    def codes(self, rows: IntArray, rng: np.random.Generator) -> FloatArray:
        """Codes (..., num_latents) of training points (...)."""
        return self.train_codes[rows]

    def factors(self, rows: IntArray) -> NDArray[Any]:
        """Factors (..., num_factors) of training points (...)."""
        return self.train_factors[rows]

    def draw(self, shape: int | tuple[int, ...], rng: np.random.Generator) -> IntArray:
        """Training points, drawn uniformly with replacement."""
        return rng.integers(len(self.train_codes), size=shape)

    def redraw_others(self, rows: IntArray, factor: ArrayLike, rng: np.random.Generator) -> IntArray:
        """For each point another one, drawn uniformly among those that share its value of one factor."""
        factor = np.broadcast_to(np.asarray(factor), rows.shape)
        redrawn = np.empty_like(rows)
        for index in np.unique(factor):
            chosen = factor == index
            _, value, count = np.unique(self.train_factors[:, index], return_inverse=True, return_counts=True)
            first = np.cumsum(count) - count
            values = value[rows[chosen]]
            offsets = rng.integers(count[values])
            redrawn[chosen] = np.argsort(value, kind="stable")[first[values] + offsets]
        return redrawn

    def sample(self, num: int, rng: np.random.Generator) -> tuple[FloatArray, NDArray[Any]]:
        """Every training point, whatever the number asked for: a user's points are all used."""
        return self.train_codes, self.train_factors

    def train_test(self, num_train: int, num_test: int, rng: np.random.Generator) -> "TrainTest":
        """Every training and every test point."""
        return TrainTest(self.train_codes, self.train_factors, self.test_codes, self.test_factors)


class TrainTest(NamedTuple):
    """Codes (n, num_latents) and factors (n, num_factors), for training and for testing."""

    train_codes: FloatArray
    train_factors: NDArray[Any]
    test_codes: FloatArray
    test_factors: NDArray[Any]


Table = RepresentationTable | LabelledCodes
