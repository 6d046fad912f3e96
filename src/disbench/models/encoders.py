"""Encoders of the reference study: images in, mean and log-variance of each latent out."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from disbench.models.initialisers import initialise
from disbench.models.layers import convolve

ImageShape = tuple[int, int, int]
"""Height, width, channels."""


class ConvEncoder(nn.Module):
    """Four convolutions by two (32, 32, 64, 64 channels), 256 units, two linear heads (Locatello et al. 2019, table 1).

    Parameters
    ----------
    image_shape
        Height, width, channels; height and width are multiples of 16.
    num_latents
        Length of mean and log-variance.
    generator
        Source of the initial weights.
    """

    def __init__(self, image_shape: ImageShape, num_latents: int, generator: torch.Generator) -> None:
        super().__init__()
        height, width, channels = check_convolutional(image_shape)
        self.image_shape = image_shape
        self.num_latents = num_latents
        self.conv1 = nn.Conv2d(channels, 32, 4, stride=2, padding=1)
        self.conv2 = nn.Conv2d(32, 32, 4, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 64, 2, stride=2)
        self.conv4 = nn.Conv2d(64, 64, 2, stride=2)
        self.hidden = nn.Linear(64 * (height // 16) * (width // 16), 256)
        self.mean = nn.Linear(256, num_latents)
        self.log_variance = nn.Linear(256, num_latents)
        initialise(self, generator)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (n, num_latents), float32, of images (n, channels, height, width) in [0, 1].

        The arithmetic is that of the images' dtype, float32 or bfloat16, up to the two heads.
        """
        x = images
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4):
            x = convolve(x, layer.weight, layer.bias)  # type: ignore[arg-type]
        x = linear(x.flatten(-3), self.hidden).relu().float()
        return linear(x, self.mean), linear(x, self.log_variance)


class FullyConnectedEncoder(nn.Module):
    """Two layers of 1200 units, two linear heads; parameters and shapes as in `ConvEncoder`, any height and width."""

    def __init__(self, image_shape: ImageShape, num_latents: int, generator: torch.Generator) -> None:
        super().__init__()
        height, width, channels = image_shape
        self.image_shape = image_shape
        self.num_latents = num_latents
        self.hidden1 = nn.Linear(channels * height * width, 1200)
        self.hidden2 = nn.Linear(1200, 1200)
        self.mean = nn.Linear(1200, num_latents)
        self.log_variance = nn.Linear(1200, num_latents)
        initialise(self, generator)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance (n, num_latents), float32, of images (n, channels, height, width) in [0, 1]."""
        x = linear(images.flatten(-3), self.hidden1).relu()
        x = linear(x, self.hidden2).relu().float()
        return linear(x, self.mean), linear(x, self.log_variance)


def linear(x: Tensor, layer: nn.Linear) -> Tensor:
    """`layer` in the arithmetic of the dtype of `x`; both may have one more axis in front, of models."""
    weight, bias = layer.weight.to(x.dtype), layer.bias.to(x.dtype)
    if weight.ndim == 3:
        return torch.baddbmm(bias.unsqueeze(-2), x, weight.mT)
    return F.linear(x, weight, bias)


def check_convolutional(image_shape: ImageShape) -> ImageShape:
    """`image_shape` itself, if four convolutions by two divide it; otherwise ValueError."""
    height, width, channels = image_shape
    if channels < 1 or min(height, width) < 16 or height % 16 or width % 16:
        raise ValueError(
            "the convolutional networks need at least one channel and a height and width that are multiples of 16; got "
            f"image_shape={image_shape!r} (height, width, channels); choose architecture fc"
        )
    return image_shape
