"""What both variants of DIP-VAE have in common."""

import torch
from torch import Tensor

from disbench.models.posterior import Posterior


def covariance(means: Tensor) -> Tensor:
    """Covariance of the latents (..., num_latents, num_latents) over a batch (..., n, num_latents), divided by n."""
    centred = means - means.mean(-2, keepdim=True)
    return centred.mT @ centred / means.shape[-2]


def dip_terms(posterior: Posterior, matrix: Tensor, lambda_od: float, lambda_d: float) -> dict[str, Tensor]:
    """KL divergence and the squared distance of a covariance matrix from the identity."""
    diagonal = torch.diagonal(matrix, dim1=-2, dim2=-1)
    off_diagonal = matrix - torch.diag_embed(diagonal)
    return {
        "kl": posterior.mean_kl,
        "off_diagonal": lambda_od * off_diagonal.square().sum((-2, -1)),
        "diagonal": lambda_d * (diagonal - 1).square().sum(-1),
    }
