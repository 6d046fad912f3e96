"""Decoders of the reference study: latents in, logits of an image out."""

from math import prod

import torch
from torch import Tensor, nn

from disbench.models.encoders import ImageShape, check_convolutional, linear
from disbench.models.initialisers import initialise
from disbench.models.layers import deconvolve, deconvolve_to_image


class ConvDecoder(nn.Module):
    """256 and 1024 units, four transposed convolutions (Locatello et al. 2019, table 1); the mirror of `ConvEncoder`.

    Parameters
    ----------
    image_shape
        Height, width, channels; height and width are multiples of 16.
    num_latents
        Length of a code.
    generator
        Source of the initial weights.
    """

    def __init__(self, image_shape: ImageShape, num_latents: int, generator: torch.Generator) -> None:
        super().__init__()
        height, width, channels = check_convolutional(image_shape)
        self.image_shape = image_shape
        self.num_latents = num_latents
        self.hidden1 = nn.Linear(num_latents, 256)
        self.hidden2 = nn.Linear(256, 64 * (height // 16) * (width // 16))
        self.deconv1 = nn.ConvTranspose2d(64, 64, 4, stride=2, padding=1)
        self.deconv2 = nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1)
        self.deconv3 = nn.ConvTranspose2d(32, 32, 4, stride=2, padding=1)
        self.deconv4 = nn.ConvTranspose2d(32, channels, 4, stride=2, padding=1)
        initialise(self, generator)

    def forward(self, z: Tensor) -> Tensor:
        """Logits (n, channels, height, width), float32, of latents (n, num_latents).

        The arithmetic is that of the latents' dtype, float32 or bfloat16.
        """
        x = linear(linear(z, self.hidden1).relu(), self.hidden2).relu()
        height, width, _ = self.image_shape
        x = x.unflatten(-1, (64, height // 16, width // 16))  # type: ignore[no-untyped-call]
        for layer in (self.deconv1, self.deconv2, self.deconv3):
            x = deconvolve(x, layer.weight, layer.bias)  # type: ignore[arg-type]
        return deconvolve_to_image(x, self.deconv4.weight, self.deconv4.bias).float()  # type: ignore[arg-type]


class FullyConnectedDecoder(nn.Module):
    """Three layers of 1200 units with tanh, one linear layer; parameters and shapes as in `ConvDecoder`."""

    def __init__(self, image_shape: ImageShape, num_latents: int, generator: torch.Generator) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.num_latents = num_latents
        self.hidden1 = nn.Linear(num_latents, 1200)
        self.hidden2 = nn.Linear(1200, 1200)
        self.hidden3 = nn.Linear(1200, 1200)
        self.logits = nn.Linear(1200, prod(image_shape))
        initialise(self, generator)

    def forward(self, z: Tensor) -> Tensor:
        """Logits (n, channels, height, width), float32, of latents (n, num_latents)."""
        x = z
        for layer in (self.hidden1, self.hidden2, self.hidden3):
            x = linear(x, layer).tanh()
        height, width, channels = self.image_shape
        return linear(x, self.logits).float().unflatten(-1, (channels, height, width))  # type: ignore[no-untyped-call, no-any-return]
