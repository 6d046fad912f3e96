"""The network that tells codes of images from codes whose latents were permuted over the batch."""

from itertools import pairwise

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from disbench.models.encoders import linear
from disbench.models.initialisers import initialise

_WIDTH = 1000
_NUM_LAYERS = 6


class Discriminator(nn.Module):
    """Six layers of 1000 units with leaky ReLU (slope 0.2), two logits (Kim and Mnih 2018, table 2).

    Logit 0 stands for codes as the encoder gave them, logit 1 for permuted ones.
    """

    def __init__(self, num_latents: int, generator: torch.Generator) -> None:
        super().__init__()
        sizes = [num_latents] + [_WIDTH] * _NUM_LAYERS
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
        self.logits = nn.Linear(_WIDTH, 2)
        initialise(self, generator)

    def forward(self, z: Tensor) -> Tensor:
        """Logits (n, 2), float32, of latents (n, num_latents); the arithmetic is that of the latents' dtype."""
        x = z
        for layer in self.layers:
            x = F.leaky_relu(linear(x, layer), 0.2)  # type: ignore[arg-type]
        return self.logits(x.float())  # type: ignore[no-any-return]
