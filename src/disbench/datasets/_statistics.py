"""Pixel statistics of a data set, gathered block by block."""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from disbench.datasets._dataset import PixelStatistics

Sums = tuple[NDArray[np.int64], NDArray[np.int64]]


class PixelMoments:
    """Adds up what pixel statistics need; sums within an image are whole numbers and exact.

    Parameters
    ----------
    image_shape
        Height, width and channels.
    binary
        Blocks are packed to one bit a pixel.
    """

    def __init__(self, image_shape: tuple[int, int, int], binary: bool) -> None:
        height, width, channels = image_shape
        self._num_pixels, self._white = height * width, 1 if binary else 255
        self._sums = _sums_of_bits if binary else _sums_of_bytes
        self._num_images = 0
        self._mean, self._std = np.zeros(channels), np.zeros(channels)

    def add(self, images: NDArray[np.uint8]) -> None:
        """Count images (n, height, width, channels), or packed (n, height, width / 8)."""
        first, second = self._sums(images)
        variance = (second - first**2 / self._num_pixels) / (self._num_pixels - 1)
        self._num_images += len(images)
        self._mean += first.sum(axis=0) / (self._num_pixels * self._white)
        self._std += np.sqrt(variance).sum(axis=0) / self._white

    def statistics(self) -> PixelStatistics:
        """Statistics of all images so far."""
        mean, std = self._mean / self._num_images, self._std / self._num_images
        return PixelStatistics(tuple(mean.tolist()), tuple(std.tolist()))


def _sums_of_bits(images: NDArray[np.uint8]) -> Sums:
    count = np.bitwise_count(images).sum(axis=(1, 2), dtype=np.int64)[:, None]
    return count, count


def _sums_of_bytes(images: NDArray[np.uint8]) -> Sums:
    first, second = np.zeros((2, len(images), images.shape[-1]), np.int64)
    _add_up(images.reshape(len(images), -1, images.shape[-1]), first, second)
    return first, second


@numba.njit(cache=False, nogil=True)
def _add_up(images: Any, first: Any, second: Any) -> None:
    """Sums over the pixels of each image, in one pass, nearly three times as fast as with NumPy."""
    num_images, num_pixels, num_channels = images.shape
    for image in range(num_images):
        for channel in range(num_channels):
            total, squares = np.uint64(0), np.uint64(0)
            for pixel in range(num_pixels):
                value = np.uint64(images[image, pixel, channel])
                total += value
                squares += value * value
            first[image, channel] = total
            second[image, channel] = squares
