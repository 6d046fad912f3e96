"""Codes that have a vector for each latent factor, reduced to the one number that metrics compare."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def reduce_slots(codes: ArrayLike) -> NDArray[np.float64]:
    """Project the vectors of each slot on the direction in which they vary most: their first principal component.

    Metrics of disentanglement compare single numbers; a code with a vector for each factor has to be reduced first.

    Parameters
    ----------
    codes
        (n, num_slots, width), finite numbers.

    Returns
    -------
    ndarray
        (n, num_slots), centred; in a slot that is constant, zeros. The entry of the direction that is largest in size
        is positive, so that the sign does not depend on the library.

    Raises
    ------
    ValueError
        For an array of another number of axes, an empty one, or one with NaN or infinite values.
    """
    vectors = np.asarray(codes)
    if vectors.ndim != 3 or 0 in vectors.shape or vectors.dtype.kind not in "fiub":
        raise ValueError(
            f"expected numbers of shape (n, num_slots, width); got {vectors.dtype} of shape {vectors.shape}"
        )
    reduced = np.zeros(vectors.shape[:2])
    for slot in range(vectors.shape[1]):
        values = vectors[:, slot].astype(np.float64)
        if not np.isfinite(values).all() or np.abs(values).max() > 1e100:
            raise ValueError(f"expected numbers within 1e100 of zero; slot {slot} has larger, NaN or infinite ones")
        centred = values - values.mean(axis=0)
        if np.ptp(values, axis=0).any():
            direction = np.linalg.eigh(centred.T @ centred)[1][:, -1]
            reduced[:, slot] = centred @ direction * np.sign(direction[np.abs(direction).argmax()])
    return reduced
