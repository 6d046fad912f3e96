"""dSprites as the negative of a random, tinted crop of Munch's The Scream, drawn anew for every observation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from disbench.datasets import dsprites_full
from disbench.datasets._origin import origin

WIDTH, HEIGHT = 350, 274
"""The background fits into these; it keeps its proportions."""

_LARGEST_PIXELS = 100_000_000


def extras(raw: Path | None) -> dict[str, NDArray[np.uint8]]:
    """`background`: scream.jpg as uint8 (height, width, 3)."""
    if raw is None:
        raise FileNotFoundError(
            "scream_dsprites needs the folder that has scream.jpg; run `disbench fetch scream_dsprites`"
        )
    return {"background": background(raw / "scream.jpg")}


def background(path: Path) -> NDArray[np.uint8]:
    """Read the picture and shrink it by Pillow's bicubic filter, from all of its pixels.

    The reference leaves filter, pre-shrinking and rounding to the version of Pillow; here they are pinned, and the
    result is stored with the images.

    Raises
    ------
    ValueError
        The file is no picture, a damaged one, or larger than 100 million pixels.
    """
    try:
        with Image.open(path, formats=["JPEG", "PNG"]) as picture:
            if picture.width * picture.height > _LARGEST_PIXELS:
                raise ValueError(f"{picture.width} x {picture.height} pixels, at most {_LARGEST_PIXELS:,} are allowed")
            scale = min(WIDTH / picture.width, HEIGHT / picture.height, 1)
            size = round(picture.width * scale), round(picture.height * scale)
            small = picture.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    except FileNotFoundError:
        raise
    except Exception as error:  # Pillow's readers raise what their parsers do, SyntaxError among them
        raise ValueError(f"{path}: not readable as a picture: {error}") from error
    return np.array(small)


dataset = replace(
    dsprites_full.dataset,
    origin=origin("scream_dsprites"),
    raw=True,
    observation="scream",
    extras=extras,
    store_bytes=5_000_000,  # with a background that does not compress
)
