"""Codes in double precision and in comparable units."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def as_float64(codes: NDArray[Any]) -> Floats:
    """Codes in double precision; values whose squares overflow are refused."""
    double: Floats = np.asarray(codes, dtype=np.float64)
    _refuse_beyond(1e100, double)
    return double


def require_range(codes: NDArray[Any]) -> None:
    """Raise if squares of codes overflow in the precision that they have."""
    _refuse_beyond(1e18 if codes.dtype == np.float32 else 1e100, codes)


def require_fourth_powers(codes: NDArray[Any]) -> None:
    """Raise if fourth powers of codes in double precision overflow."""
    _refuse_beyond(1e50, codes)


def _refuse_beyond(limit: float, codes: NDArray[Any]) -> None:
    if codes.size and np.abs(codes).max() > limit:
        raise ValueError(f"expected codes within {limit:g} of zero; got {float(np.abs(codes).max())!r}. Rescale them")


def standardized(train: Floats, test: Floats) -> tuple[Floats, Floats]:
    """Both samples in units of the training points; a constant latent becomes 0."""
    mean, scale = train.mean(axis=0), train.std(axis=0)
    constant = np.ptp(train, axis=0) == 0
    scale[constant] = 1.0
    return np.where(constant, 0.0, (train - mean) / scale), np.where(constant, 0.0, (test - mean) / scale)
