"""dSprites in six colours on five greys, both ground truth; the orientation is a nuisance factor.

The grid has 22 million states. Stored are the 737,280 sprites once; the observation process paints them.
"""

from dataclasses import replace

from disbench.datasets import dsprites_full
from disbench.factors import FactorSpace

_SPRITES = dsprites_full.dataset.space

dataset = replace(
    dsprites_full.dataset,
    space=FactorSpace(
        names=("background_color", "object_color", *_SPRITES.names),
        sizes=(5, 6, *_SPRITES.sizes),
        nuisance=("orientation",),
    ),
    observation="abstract",
    repeats=5 * 6,
    store_bytes=14_996_942,  # of which two thirds are the factors of 22 million states
)
