"""dSprites in a random colour, drawn anew for every observation."""

from dataclasses import replace

from disbench.datasets import dsprites_full

dataset = replace(dsprites_full.dataset, observation="color")
