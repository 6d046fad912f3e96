"""The beta-TCVAE: total correlation of the codes, estimated within the batch."""

from math import log, pi
from typing import Literal

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from disbench.models.posterior import Posterior
from disbench.objectives._objective import Objective, Step


class BetaTcVae(Objective):
    """KL divergence plus total correlation, weighted (Chen et al. 2018, equations 2 and 4).

    Parameters
    ----------
    beta
        Weight of the total correlation within the KL divergence: beta - 1 is added to what is there. The default is
        the paper's for dSprites; the published study tried 1, 2, 4, 6, 8, 10.
    estimator
        How densities of codes are estimated from a batch of n posteriors. `minibatch`: the sum over the batch, as in
        the reference; its total correlation is too small by (num_latents - 1) log(n num_images), which has no
        gradient. `weighted`: the paper's minibatch-weighted sampling, which differs by that constant only.
        `stratified`: the paper's minibatch-stratified sampling (appendix C.2).
    """

    def __init__(
        self,
        *,
        beta: NonNegativeFloat = 6.0,
        estimator: Literal["minibatch", "weighted", "stratified"] = "minibatch",
    ) -> None:
        super().__init__()
        self.beta = beta
        self.estimator = estimator
        self.num_images = 1

    def prepare(self, num_latents: int, num_images: int, generator: torch.Generator) -> None:
        """Note the size of the data set, on which the estimators of the paper depend."""
        self.num_images = num_images

    def terms(self, posterior: Posterior, z: Tensor, step: Step) -> dict[str, Tensor]:
        """`kl` and `total_correlation`, the latter times beta - 1."""
        return {
            "kl": posterior.mean_kl,
            "total_correlation": (self.beta - 1) * self.total_correlation(posterior, z),
        }

    def total_correlation(self, posterior: Posterior, z: Tensor) -> Tensor:
        """Estimate of the total correlation in nats, mean over codes `z` (n, num_latents)."""
        densities = _log_density(posterior, z)
        weights = self._log_weights(z)
        joint = torch.logsumexp(densities.sum(-1) + weights, -1)
        marginals = torch.logsumexp(densities + weights[..., None], -2).sum(-1)
        return (joint - marginals).mean(-1)

    def _log_weights(self, z: Tensor) -> Tensor:
        """Logarithm of the weight that the posterior of image i (column) has in the density of code j (row)."""
        n = z.shape[-2]
        if self.estimator == "minibatch":
            return z.new_zeros(n, n)
        if self.estimator == "weighted":
            return z.new_full((n, n), -log(n * self.num_images))
        return _stratified_weights(n, self.num_images, z).log()


def _log_density(posterior: Posterior, z: Tensor) -> Tensor:
    """Log-density of each latent of code j under the posterior of image i (..., j, i, num_latents)."""
    difference = z[..., :, None, :] - posterior.mean[..., None, :, :]
    log_variance = posterior.log_variance[..., None, :, :]
    return -0.5 * (difference.square() * (-log_variance).exp() + log_variance + log(2 * pi))


def _stratified_weights(n: int, num_images: int, like: Tensor) -> Tensor:
    """Each code's own posterior stands for one image of the data set, the n - 1 others for all the rest."""
    others = n - 1
    if others < 1 or num_images < n:
        raise ValueError(f"expected 2 to num_images={num_images} images in a batch; got {n}")
    own = torch.eye(n, dtype=like.dtype, device=like.device)
    following = own.roll(1, 1)
    weight_of_following = (num_images - others) / (num_images * others)
    return own / num_images + following * weight_of_following + (1 - own - following) / others
