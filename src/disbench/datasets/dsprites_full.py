"""dSprites: a white square, ellipse or heart on black, rendered from the factors or read from the official file."""

from disbench.datasets import _dsprites
from disbench.datasets._dataset import Dataset
from disbench.datasets._origin import origin

dataset = Dataset(
    space=_dsprites.SPACE,
    image_shape=_dsprites.IMAGE_SHAPE,
    blocks=_dsprites.blocks,
    source=_dsprites.source,
    origin=origin("dsprites_rendered"),
    binary=True,
    raw=False,
    published=_dsprites.PUBLISHED,
    store_bytes=4_809_736,
)
