"""dSprites with the shape as a nuisance factor: it varies in the images and is not ground truth."""

from dataclasses import replace

from disbench.datasets import dsprites_full

dataset = replace(dsprites_full.dataset, space=replace(dsprites_full.dataset.space, nuisance=("shape",)))
