"""Shrinks images with Pillow's Lanczos filter, as the reference does."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIZE = 64


def shrink(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images (n, 64, 64, channels) of images (n, height, width, channels) of 1 or 3 channels; values are clipped."""
    pixels = images[..., 0] if images.shape[-1] == 1 else images
    shrunk = [np.asarray(_lanczos(Image.fromarray(np.ascontiguousarray(image)))) for image in pixels]
    return np.stack(shrunk).reshape(len(images), SIZE, SIZE, images.shape[-1])


def shrink_unclipped(images: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Grey images (n, 64, 64, 1) of images (n, height, width, 1), rounded but not clipped.

    The filter overshoots at edges: values lie below 0 and above 255.
    """
    shrunk = [np.asarray(_lanczos(Image.fromarray(image.astype(np.int32)))) for image in images[..., 0]]
    return np.stack(shrunk)[..., None]


def _lanczos(image: Image.Image) -> Image.Image:
    return image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
