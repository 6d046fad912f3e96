"""A variational autoencoder: an encoder, a decoder and nothing else."""

from typing import Literal

import torch
from torch import Tensor, nn

from disbench.models.decoders import ConvDecoder, FullyConnectedDecoder
from disbench.models.encoders import ConvEncoder, FullyConnectedEncoder, ImageShape
from disbench.models.posterior import Posterior

Architecture = Literal["conv", "fc"]

ENCODERS: dict[str, type[ConvEncoder] | type[FullyConnectedEncoder]] = {
    "conv": ConvEncoder,
    "fc": FullyConnectedEncoder,
}
DECODERS: dict[str, type[ConvDecoder] | type[FullyConnectedDecoder]] = {
    "conv": ConvDecoder,
    "fc": FullyConnectedDecoder,
}


class Vae(nn.Module):
    """Encoder and decoder of one architecture (Kingma and Welling 2014), initialised as the reference study did.

    Parameters may have one more axis in front, of models; so have images, latents and posteriors then.

    Parameters
    ----------
    architecture
        `conv` or `fc`.
    image_shape
        Height, width, channels.
    num_latents
        Length of a code.
    generator
        Source of the initial weights, on the CPU; the same state gives the same weights wherever the model is moved.
    """

    def __init__(
        self, architecture: Architecture, image_shape: ImageShape, num_latents: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        if architecture not in ENCODERS:
            raise ValueError(f"no architecture called {architecture!r}; available: {', '.join(ENCODERS)}")
        self.architecture = architecture
        self.image_shape = image_shape
        self.num_latents = num_latents
        self.encoder = ENCODERS[architecture](image_shape, num_latents, generator)
        self.decoder = DECODERS[architecture](image_shape, num_latents, generator)

    def encode(self, images: Tensor) -> Posterior:
        """Posterior of images (n, channels, height, width) in [0, 1]."""
        return Posterior(*self.encoder(images))

    def decode(self, z: Tensor) -> Tensor:
        """Logits (n, channels, height, width) of latents (n, num_latents)."""
        return self.decoder(z)  # type: ignore[no-any-return]
