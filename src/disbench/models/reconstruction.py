"""How far a decoded image is from the image: sums over pixels, one number for each image."""

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

Activation = Literal["logits", "tanh"]
ReconstructionName = Literal["bernoulli", "squared_error"]

# The reference keeps probabilities this far from 0 and 1 wherever it takes their logarithm.
PROBABILITY_MARGIN = 1e-6


def bernoulli(
    images: Tensor, decoded: Tensor, *, activation: Activation = "logits", subtract_entropy: bool = False
) -> Tensor:
    """Negative Bernoulli log-likelihood in nats (n,).

    Parameters
    ----------
    images
        (n, channels, height, width) in [0, 1].
    decoded
        The decoder's output, of the same shape.
    activation
        `logits`: the sigmoid of `decoded` is the probability; `tanh`: (tanh(decoded) + 1) / 2 is.
    subtract_entropy
        Subtract the least value that is possible, the entropy of the pixels, so that a perfect image scores 0.
    """
    if activation == "tanh":
        probability = (0.5 * decoded.tanh() + 0.5).clamp(PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN)
        loss = -images.xlogy(probability) - (1 - images).xlogy(1 - probability)
        return _sum(loss) - _sum(_entropy(images)) if subtract_entropy else _sum(loss)
    loss = _sum(F.binary_cross_entropy_with_logits(decoded, images, reduction="none"))
    return loss - _sum(_entropy(images)) if subtract_entropy else loss


def squared_error(images: Tensor, decoded: Tensor, *, activation: Activation = "logits") -> Tensor:
    """Squared difference to the decoded pixel (n,); shapes and `activation` as in `bernoulli`."""
    return _sum((images - decoded_pixels(decoded, activation)).square())


def decoded_pixels(decoded: Tensor, activation: Activation) -> Tensor:
    """Pixels in [0, 1] that a decoder's output stands for."""
    return decoded.sigmoid() if activation == "logits" else 0.5 * decoded.tanh() + 0.5


def reconstruction_loss(
    name: ReconstructionName,
    images: Tensor,
    decoded: Tensor,
    activation: Activation = "logits",
    subtract_entropy: bool = False,
) -> Tensor:
    """The loss called `name` (n,), as `bernoulli` or `squared_error` gives it.

    Raises
    ------
    ValueError
        If `subtract_entropy` is asked of a squared error, which has none.
    """
    if name == "bernoulli":
        return bernoulli(images, decoded, activation=activation, subtract_entropy=subtract_entropy)
    if subtract_entropy:
        raise ValueError(f"subtract_entropy expects the loss bernoulli; got {name!r}, which has no entropy to subtract")
    return squared_error(images, decoded, activation=activation)


def _entropy(images: Tensor) -> Tensor:
    p = images.clamp(PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN)
    return -(p * p.log() + (1 - p) * torch.log1p(-p))


def _sum(values: Tensor) -> Tensor:
    return values.flatten(-3).sum(-1)
