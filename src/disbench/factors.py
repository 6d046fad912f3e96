"""The grid of ground-truth factors: a row number stands for one value of every factor."""

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class FactorSpace:
    """Full grid of factors of variation; row r is the state `np.unravel_index(r, sizes)`, the last factor fastest.

    Parameters
    ----------
    names, sizes
        One entry for each axis of the grid, slowest first. A factor's value is an index in `[0, size)`.
    nuisance
        Names of axes that vary in the images but are not ground truth. They are redrawn whenever states are drawn
        and never appear among the factors.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    nuisance: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(map(str, self.names)))
        object.__setattr__(self, "sizes", tuple(map(_parse_size, self.sizes)))
        object.__setattr__(self, "nuisance", tuple(map(str, self.nuisance)))
        if len(self.names) != len(self.sizes):
            raise ValueError(f"expected one size for each factor; got names {self.names!r} and sizes {self.sizes!r}")
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"expected factor names that differ; got {self.names!r}")
        unknown = [name for name in self.nuisance if name not in self.names]
        if unknown:
            raise ValueError(f"nuisance factors {unknown!r} are not among the factors {self.names!r}")
        if not self.factor_names:
            raise ValueError(f"expected at least one ground-truth factor; {self.names!r} are all nuisance")

    @property
    def num_states(self) -> int:
        """Number of rows, nuisance axes included."""
        return prod(self.sizes)

    @property
    def num_factors(self) -> int:
        """Number of ground-truth factors."""
        return len(self._factor_axes)

    @property
    def factor_names(self) -> tuple[str, ...]:
        """Names of the ground-truth factors."""
        return tuple(name for name in self.names if name not in self.nuisance)

    @property
    def factor_sizes(self) -> tuple[int, ...]:
        """Sizes of the ground-truth factors."""
        return tuple(self.sizes[axis] for axis in self._factor_axes)

    @property
    def _factor_axes(self) -> tuple[int, ...]:
        return tuple(axis for axis, name in enumerate(self.names) if name not in self.nuisance)

    @property
    def _strides(self) -> IntArray:
        """How many rows lie between neighbouring values of each axis."""
        return np.array([prod(self.sizes[axis + 1 :]) for axis in range(len(self.sizes))], dtype=np.int64)

    def rows(self, states: ArrayLike) -> IntArray:
        """Rows (...) of states (..., number of axes)."""
        states = np.asarray(states)
        if states.ndim == 0 or states.shape[-1] != len(self.sizes) or not np.issubdtype(states.dtype, np.integer):
            raise ValueError(
                f"expected integer states of shape (..., {len(self.sizes)}), one value for each of {self.names!r}; "
                f"got {states.dtype} of shape {states.shape}"
            )
        if states.size and (states.min() < 0 or (states >= self.sizes).any()):
            raise ValueError(f"expected states in [0, size) for sizes {self.sizes!r}; got values outside")
        return np.asarray(states.astype(np.int64) @ self._strides, dtype=np.int64)

    def states(self, rows: ArrayLike) -> IntArray:
        """States (..., number of axes) of rows (...), nuisance axes included."""
        return np.stack(np.unravel_index(self._parse_rows(rows), self.sizes), axis=-1)

    def factors(self, rows: ArrayLike) -> IntArray:
        """Values of the ground-truth factors (..., num_factors) at rows (...)."""
        return self.states(rows)[..., self._factor_axes]

    def sample(self, shape: int | tuple[int, ...], rng: np.random.Generator) -> IntArray:
        """Rows of the given shape, drawn uniformly with replacement."""
        return rng.integers(self.num_states, size=shape)

    def redraw_others(self, rows: ArrayLike, factor: ArrayLike, rng: np.random.Generator) -> IntArray:
        """Rows that keep the value of one ground-truth factor; everything else is drawn anew, uniformly.

        Parameters
        ----------
        rows
            Rows of any shape.
        factor
            Index of the ground-truth factor to keep: one for all rows, or an array that broadcasts against them.
        """
        rows = self._parse_rows(rows)
        axis = np.asarray(self._factor_axes)[np.asarray(factor)]
        stride, size = self._strides[axis], np.asarray(self.sizes)[axis]
        fresh = self.sample(rows.shape, rng)
        return np.asarray(fresh + (rows // stride % size - fresh // stride % size) * stride, dtype=np.int64)

    def _parse_rows(self, rows: ArrayLike) -> IntArray:
        rows = np.asarray(rows)
        if not np.issubdtype(rows.dtype, np.integer):
            raise ValueError(f"expected integer rows; got {rows.dtype}")
        if rows.size and (rows.min() < 0 or rows.max() >= self.num_states):
            raise ValueError(f"expected rows in [0, {self.num_states}); got {rows.min()} to {rows.max()}")
        return rows.astype(np.int64, copy=False)


def _parse_size(size: Any) -> int:
    if isinstance(size, bool) or int(size) != size or size < 1:
        raise ValueError(f"expected factor sizes that are whole numbers of at least 1; got {size!r}")
    return int(size)
