"""The encoder's answer: a diagonal Gaussian over the latents of each image."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Posterior:
    """q(z given x) of a batch of images, a Gaussian with diagonal covariance.

    Parameters
    ----------
    mean, log_variance
        (..., n, num_latents); natural logarithm.
    """

    mean: Tensor
    log_variance: Tensor

    @cached_property
    def variance(self) -> Tensor:
        """(..., n, num_latents)."""
        return self.log_variance.exp()

    @cached_property
    def kl(self) -> Tensor:
        """KL divergence of each latent from the standard normal prior, in nats (..., n, num_latents)."""
        return 0.5 * (self.mean.square() + self.variance - self.log_variance - 1)

    @cached_property
    def mean_kl(self) -> Tensor:
        """KL divergence from the prior, summed over latents, mean over the batch (...)."""
        return self.kl.sum(-1).mean(-1)

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """One reparametrised sample of each posterior (..., n, num_latents)."""
        noise = torch.empty_like(self.mean).normal_(generator=generator)
        return self.sample_from(noise)

    def sample_from(self, noise: Tensor) -> Tensor:
        """Sample that belongs to standard normal noise (..., n, num_latents)."""
        return self.mean + (0.5 * self.log_variance).exp() * noise
