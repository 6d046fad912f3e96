"""dSprites, white, on a background of random noise, drawn anew for every observation."""

from dataclasses import replace

from disbench.datasets import dsprites_full

dataset = replace(dsprites_full.dataset, observation="noisy")
